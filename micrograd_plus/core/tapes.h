/* Tapes, recorded graphs as plain arrays, and the loops that run them.

There is a loop for each operation, and for its derivatives one for each choice of the arguments
that get one, all made by the compiler of C from the functions in operations.h: for slots of a
single number; and for slots of LANES numbers, in machine code for each kind of vector registers. */

#include <float.h>
#include <stdint.h>
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#endif

typedef unsigned int slot;

enum { SUM = OPERATIONS, WEIGHTED, LOWERED };

enum { HALF_SLOT = LANES / 2 };

typedef struct { /* consecutive instructions of one operation */
    int code;
    int wanted;            /* a bit for each argument that gets a derivative */
    ptrdiff_t start, stop; /* the instructions */
    ptrdiff_t out;         /* what is added to an instruction's number for its slot */
} run;

typedef struct {
    const run *runs;
    const slot *args, *targets, *factors;
    double *v;       /* the numbers that all examples share, */
    double *sums;    /* their derivatives, */
    double *d;       /* or if this isn't NULL these, in half slots, of which they are the sums */
} tape;

#ifdef __GNUC__
#define UNROLLED _Pragma("GCC unroll 16")
#else
#define UNROLLED
#endif

/* Read so many numbers of each of `width` examples, which lie `stride` bytes apart. */
#define READ(name, width) \
    static void name(char **examples, ptrdiff_t count, ptrdiff_t stride, double *to) \
    { \
        for (ptrdiff_t i = 0, at = 0; i < count; i++, at += stride) \
            UNROLLED for (int l = 0; l < width; l++) *to++ = *(const double *)(examples[l] + at); \
    }
READ(read_one, 1)
READ(read_lanes, LANES)

/* Bring numbers near that will be read soon. */
static void fetch(const char *place, ptrdiff_t size)
{
#ifdef __GNUC__
    for (ptrdiff_t at = 0; at < size; at += 64) __builtin_prefetch(place + at, 0, 2);
#endif
}

#define WIDTH 1
#define VECTOR 1
#define VECTOR_TYPE
#define TARGET
#define NAMED(function) function##_of_one
#define OF(function) op_##function
#include "loops.h"

#define WIDTH LANES
#ifdef __GNUC__
#define VECTOR 2
#define VECTOR_TYPE __attribute__((vector_size(16), may_alias))
#else
#define VECTOR 1
#define VECTOR_TYPE
#endif
#define TARGET
#define NAMED(function) function##_plain
#define OF(function) lanes_##function
#include "loops.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define WIDTH LANES
#define VECTOR 4
#define VECTOR_TYPE __attribute__((vector_size(32), may_alias))
#define TARGET __attribute__((target("avx2,fma")))
#define FUSED(x, y, z) _mm256_fmadd_pd(x, y, z)
#define NAMED(function) function##_avx2
#define OF(function) lanes_##function
#include "loops.h"

#define WIDTH LANES
#define VECTOR 8
#define VECTOR_TYPE __attribute__((vector_size(64), may_alias))
#define TARGET __attribute__((target("avx512f")))
#define FUSED(x, y, z) _mm512_fmadd_pd(x, y, z)
#define SUM_OF_HALF(half) _mm512_reduce_add_pd(*(half))
#define NAMED(function) function##_avx512
#define OF(function) lanes_##function
#include "loops.h"
#endif

/* The loops for slots of LANES numbers that this processor can run, the fastest first. */
typedef struct {
    void (*values)(const tape *, ptrdiff_t, ptrdiff_t, double *);
    void (*slopes)(const tape *, ptrdiff_t, ptrdiff_t, double *, double *);
    void (*weights)(
        const tape *, ptrdiff_t, ptrdiff_t, double *, double *, ptrdiff_t, ptrdiff_t);
    int (*finite)(ptrdiff_t, const double *);
    int (*finite_floats)(ptrdiff_t, const float *);
} loops;

#define LOOPS(kind) (loops){ \
    values_##kind, slopes_##kind, weights_##kind, finite_##kind, finite_floats_##kind}

static int find_loops(loops *found)
{
    int count = 0;
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) found[count++] = LOOPS(avx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        found[count++] = LOOPS(avx2);
#endif
    found[count++] = LOOPS(plain);
    return count;
}

