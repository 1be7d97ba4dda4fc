/* The update rules of operations.h, in machine code for each kind of vector registers. */

#include <float.h>

#ifdef __GNUC__
#define EACH_PARAMETER _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n; i++)
#else
#define EACH_PARAMETER for (ptrdiff_t i = 0; i < n; i++)
#endif
#define UPDATES
#include "operations.h"

typedef int update(int, ptrdiff_t, const double *, double, double, const double *, const double *,
                   const double *, double *);

#define UPDATE(name)                                                                              \
    static int name(int rule, ptrdiff_t n, const double *settings, double rate, double step,      \
                    const double *gradients, const double *parameters, const double *before,      \
                    double *after)                                                                \
    {                                                                                             \
        return rule_update(rule, n, settings, rate, step, gradients, parameters, before, after);  \
    }

UPDATE(update_plain)
#if defined(__GNUC__) && defined(__x86_64__)
__attribute__((target("avx2"))) UPDATE(update_avx2)
__attribute__((target("avx512f"))) UPDATE(update_avx512)
#endif

/* The fastest one that this processor can run. */
static update *find_update(void)
{
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return update_avx512;
    if (__builtin_cpu_supports("avx2")) return update_avx2;
#endif
    return update_plain;
}
