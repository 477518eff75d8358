/* 20000 random cells of each form against the exact reduction; [SETS [LANES [SEED]]] for more. */
#include "oracle_sweep.h"

int main(int argc, char **argv)
{
    return nm_oracle_sweep_main(argc, argv, 20000);
}
