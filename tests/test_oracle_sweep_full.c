/* A million random cells of each form against the exact reduction. */
#include "oracle_sweep.h"

int main(int argc, char **argv)
{
    return nm_oracle_sweep_main(argc, argv, 1000000);
}
