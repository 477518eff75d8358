/* Derivatives of a block of points, one per CPU lane: what entry_cpu.cpp calls where a task asks for them.
 *
 * A unit of its own, for here a parameter carries derivatives. Compiled like entry_cpu.cpp, with less optimization. */
#define NM_GRADIENTS 1
#include NM_MODEL_FILE
#include "gradient.h"

#define NM_GRADIENT_NAME_2(name, model, lanes) nm_##name##_##model##_##lanes
#define NM_GRADIENT_NAME(name, model, lanes)   NM_GRADIENT_NAME_2(name, model, lanes)

extern "C" void NM_GRADIENT_NAME(directions, NM_MODEL, NM_LANES)(nm_directions *to, const nm_task *task,
                                                                 const nm_choices *pick)
{
    nm_find_directions(to, task, pick);
}

extern "C" void NM_GRADIENT_NAME(gradient, NM_MODEL, NM_LANES)(nm_vec *gradient, const nm_task *task,
                                                               const nm_directions *to, const nm_point *pt,
                                                               const nm_vec *y, const nm_choices *pick)
{
    nm_take_gradients(gradient, task, to, pt, y, pick);
}
