/* The loops of tapes for slots of WIDTH numbers, included once for each kind of machine code.

NAMED(f) names a function f of this kind, and OF(f) one of operations.h; VECTOR numbers fit in a
register, of which TARGET tells the compiler. */

typedef double NAMED(vector) VECTOR_TYPE;

#define SLOT(v, s) ((v) + (ptrdiff_t)WIDTH * (s))
#define PART(v, s) ((NAMED(vector) *)SLOT(v, s))[p]
#define EACH_PART for (int p = 0; p < WIDTH / VECTOR; p++)

#if WIDTH != 1
/* Whether n numbers are finite: counted without a branch, and so several at a time. */
TARGET static int NAMED(finite)(ptrdiff_t n, const double *x)
{
    ptrdiff_t found = 0;
    for (ptrdiff_t i = 0; i < n; i++) found += fabs(x[i]) <= DBL_MAX;
    return found == n;
}

TARGET static int NAMED(finite_floats)(ptrdiff_t n, const float *x)
{
    ptrdiff_t found = 0;
    for (ptrdiff_t i = 0; i < n; i++) found += fabsf(x[i]) <= FLT_MAX;
    return found == n;
}
#endif

/* The first and the second half of the parts; and half slots, as the derivatives of a tape have. */
#define HALVES (WIDTH / VECTOR / 2)
#define SECOND(v, s) ((NAMED(vector) *)SLOT(v, s))[p + HALVES]
#define HALF(v, s) ((NAMED(vector) *)((v) + (ptrdiff_t)HALF_SLOT * (s)))[p]
#define EACH_HALF for (int p = 0; p < HALVES; p++)

/* Sums of products, of two slots each, and of further terms. In weighted ones the first factor of
   each product is a number that all examples share, which is read where there is one of it. */
INLINED TARGET void NAMED(sums)(int weighted, const run *r, const tape *t, double *v)
{
    const slot *targets = t->targets, *factors = t->factors;
    const double *shared = t->v;
    for (ptrdiff_t i = r->start; i < r->stop; i++) {
        const slot *a = t->args + 3 * i;
        NAMED(vector) total[WIDTH / VECTOR];
        EACH_PART total[p] = (NAMED(vector)){0};
        for (slot k = a[0]; k < a[1]; k++)
            if (weighted) EACH_PART total[p] += shared[targets[k]] * PART(v, factors[k]);
            else EACH_PART total[p] += PART(v, targets[k]) * PART(v, factors[k]);
        for (slot k = a[1]; k < a[2]; k++)
            EACH_PART total[p] += PART(v, targets[k]);
        EACH_PART PART(v, r->out + i) = total[p];
    }
}

INLINED TARGET void NAMED(sums_back)(
    int weighted, int wanted, const run *r, const tape *t, double *v, double *d)
{
    const slot *targets = t->targets, *factors = t->factors;
    const double *shared = t->v;
    double *slopes = t->d;
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) {
        const slot *a = t->args + 3 * i;
        NAMED(vector) g[WIDTH / VECTOR];
        EACH_PART g[p] = PART(d, r->out + i);
        const slot begin = a[0], middle = a[1], end = a[2];
        for (slot k = begin; k < middle; k++) {
            const slot x = targets[k], y = factors[k]; /* read before d is written to */
            if (weighted && wanted & 1) EACH_HALF HALF(slopes, x) +=
                g[p] * PART(v, y) + g[p + HALVES] * SECOND(v, y);
            if (!weighted && wanted & 1) EACH_PART PART(d, x) += g[p] * PART(v, y);
            if (weighted && wanted & 2) EACH_PART PART(d, y) += g[p] * shared[x];
            if (!weighted && wanted & 2) EACH_PART PART(d, y) += g[p] * PART(v, x);
        }
        if (wanted & 4)
            for (slot k = middle; k < end; k++) {
                const slot x = targets[k];
                EACH_PART PART(d, x) += g[p];
            }
    }
}

/* Operations that are lowered: their values, and local derivatives, are in slots already. */
INLINED TARGET void NAMED(copies)(const run *r, const tape *t, double *v)
{
    for (ptrdiff_t i = r->start; i < r->stop; i++) {
        const double *x = SLOT(v, t->args[3 * i + 2]);
        double *out = SLOT(v, r->out + i);
        EACH_LANE(WIDTH) out[l] = x[l];
    }
}

INLINED TARGET void NAMED(copies_back)(const run *r, const tape *t, const double *v, double *d)
{
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) {
        const slot *a = t->args + 3 * i;
        const double *g = SLOT(d, r->out + i);
        for (slot k = a[0]; k < a[1]; k++) {
            const double *slope = SLOT(v, t->factors[k]);
            double *to = SLOT(d, t->targets[k]);
            EACH_LANE(WIDTH) to[l] += g[l] * slope[l];
        }
    }
}

#define ARGUMENTS \
    const slot *a = t->args + 3 * i; \
    const double *x = SLOT(v, a[0]), *y = SLOT(v, a[1]), *z = SLOT(v, a[2])

#define VALUES(name, code) \
    case code: \
        for (ptrdiff_t i = r->start; i < r->stop; i++) { \
            ARGUMENTS; \
            double *out = SLOT(v, r->out + i); \
            EACH_LANE(WIDTH) out[l] = OF(value_##name)(x[l], y[l], z[l]); \
        } \
        break;

#define REDUCED(name, code) \
    case code: \
        for (ptrdiff_t i = r->start; i < r->stop; i++) { \
            const slot *a = t->args + 3 * i; \
            OF(reduce_##name)(a[1] - a[0], t->targets + a[0], v, SLOT(v, r->out + i)); \
        } \
        break;

/* Compute the values of some runs. */
TARGET static void NAMED(values)(const tape *t, ptrdiff_t from, ptrdiff_t to, double *v)
{
    for (const run *r = t->runs + from; r < t->runs + to; r++)
        switch (r->code) {
            UNARY_OPERATIONS(VALUES) BINARY_OPERATIONS(VALUES) TERNARY_OPERATIONS(VALUES)
            REDUCING_OPERATIONS(REDUCED)
            case SUM: NAMED(sums)(0, r, t, v); break;
            case WEIGHTED: NAMED(sums)(WIDTH > 1, r, t, v); break;
            case LOWERED: NAMED(copies)(r, t, v); break;
        }
}

/* The derivatives with respect to the arguments whose bits are in `wanted`: for single numbers
   there is a loop for each choice of them; beside all lanes, to choose anew takes no time. */
#define SLOPE(k, name) g[l] * OF(slope_##name)(k, out[l], x[l], y[l], z[l])
#define SLOPES(name, wanted) \
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) { \
        ARGUMENTS; \
        const double *out = SLOT(v, r->out + i), *g = SLOT(d, r->out + i); \
        double *dx = SLOT(d, a[0]), *dy = SLOT(d, a[1]), *dz = SLOT(d, a[2]); \
        if (wanted & 1) EACH_LANE(WIDTH) dx[l] += SLOPE(0, name); \
        if (wanted & 2) EACH_LANE(WIDTH) dy[l] += SLOPE(1, name); \
        if (wanted & 4) EACH_LANE(WIDTH) dz[l] += SLOPE(2, name); \
    }
#if WIDTH == 1
#define CASE(name, code, wanted) case code << 3 | wanted: SLOPES(name, wanted) break;
#define SLOPES_1(name, code) CASE(name, code, 1)
#define SLOPES_2(name, code) SLOPES_1(name, code) CASE(name, code, 2) CASE(name, code, 3)
#define SLOPES_3(name, code) SLOPES_2(name, code) \
    CASE(name, code, 4) CASE(name, code, 5) CASE(name, code, 6) CASE(name, code, 7)
#else
#define SLOPES_1(name, code) case code: SLOPES(name, 1) break;
#define SLOPES_2(name, code) case code: SLOPES(name, r->wanted) break;
#define SLOPES_3(name, code) case code: SLOPES(name, r->wanted) break;
#endif

#define SPREAD(name, code) \
    case code: \
        for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) { \
            const slot *a = t->args + 3 * i; \
            const double *out = SLOT(v, r->out + i), *g = SLOT(d, r->out + i); \
            OF(reduce_slopes_##name)(a[1] - a[0], t->targets + a[0], v, out, g, d); \
        } \
        continue;

/* Add what some runs, from the last to the first, pass on of the derivatives d. */
TARGET static void NAMED(slopes)(
    const tape *t, ptrdiff_t from, ptrdiff_t to, double *v, double *d)
{
    for (const run *r = t->runs + to - 1; r >= t->runs + from; r--) {
        if (!r->wanted) continue;
        switch (r->code) {
            REDUCING_OPERATIONS(SPREAD)
            case SUM: NAMED(sums_back)(0, r->wanted, r, t, v, d); continue;
            case WEIGHTED: NAMED(sums_back)(WIDTH > 1, r->wanted, r, t, v, d); continue;
            case LOWERED: NAMED(copies_back)(r, t, v, d); continue;
        }
        switch (WIDTH == 1 ? r->code << 3 | r->wanted : r->code) {
            UNARY_OPERATIONS(SLOPES_1) BINARY_OPERATIONS(SLOPES_2) TERNARY_OPERATIONS(SLOPES_3)
        }
    }
}

#undef SLOT
#undef PART
#undef EACH_PART
#undef HALVES
#undef SECOND
#undef HALF
#undef EACH_HALF
#undef ARGUMENTS
#undef VALUES
#undef REDUCED
#undef SLOPE
#undef SLOPES
#undef CASE
#undef SLOPES_1
#undef SLOPES_2
#undef SLOPES_3
#undef SPREAD
#undef WIDTH
#undef VECTOR
#undef VECTOR_TYPE
#undef TARGET
#undef NAMED
#undef OF
