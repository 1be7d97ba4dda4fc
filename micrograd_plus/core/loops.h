/* The loops of tapes for slots of WIDTH numbers, included once for each kind of machine code.

NAMED(f) names a function f of this kind, and OF(f) one of operations.h; VECTOR numbers fit in a
register, of which TARGET tells the compiler. FUSED is x · y + z, which some processors compute at
once and round once. Values are rounded as in Python instead: a branch may hang on their last bit. */
#ifndef FUSED
#define FUSED(x, y, z) ((x) * (y) + (z))
#endif

typedef double NAMED(vector) VECTOR_TYPE;

#define SLOT(v, s) ((v) + (ptrdiff_t)WIDTH * (s))
#define PART(v, s) ((NAMED(vector) *)SLOT(v, s))[p]
#define PARTS (WIDTH / VECTOR)
#define EACH_PART UNROLLED for (int p = 0; p < PARTS; p++)

/* The first and the second half of the parts; and half slots, as the derivatives of a tape have. */
#define HALVES (PARTS / 2)
#define SECOND(v, s) ((NAMED(vector) *)SLOT(v, s))[p + HALVES]
#define HALF(v, s) ((NAMED(vector) *)((v) + (ptrdiff_t)HALF_SLOT * (s)))[p]
#define EACH_HALF UNROLLED for (int p = 0; p < HALVES; p++)

/* How many instructions with the same factors are computed together: as many as registers hold. */
#define ROWS (VECTOR > 2 ? VECTOR / 2 : 1)
#define EACH_ROW UNROLLED for (int j = 0; j < rows; j++)
#define EACH_GROUP(most, call) \
    { \
        ptrdiff_t i = r->start; \
        for (; r->stop - i >= most; i += most) { enum { rows = most }; call; } \
        for (; i < r->stop; i++) { enum { rows = 1 }; call; } \
    }
#define EACH_GROUP_BACK(most, call) \
    { \
        ptrdiff_t i = r->stop; \
        while (i - r->start >= most) { enum { rows = most }; i -= most; call; } \
        while (i > r->start) { enum { rows = 1 }; i--; call; } \
    }

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

/* Sums of products, of two slots each, and of further terms: those of `rows` instructions from the
   i-th on, computed together. In weighted ones the first factor of each product is a number that
   all examples share, read where there is one of it; the other factors are the same in all rows. */
INLINED TARGET void NAMED(sums)(
    int weighted, int rows, ptrdiff_t i, const run *r, const tape *t, double *v)
{
    const slot *a = t->args + 3 * i, *factors = t->factors + a[0], *targets[ROWS];
    NAMED(vector) total[ROWS][PARTS];
    EACH_ROW targets[j] = t->targets + a[3 * j];
    EACH_ROW EACH_PART total[j][p] = (NAMED(vector)){0};
    for (slot k = 0; k < a[1] - a[0]; k++)
        EACH_ROW {
            const slot x = targets[j][k];
            if (weighted) EACH_PART total[j][p] += t->v[x] * PART(v, factors[k]);
            else EACH_PART total[j][p] += PART(v, x) * PART(v, factors[k]);
        }
    EACH_ROW {
        for (slot k = a[3 * j + 1]; k < a[3 * j + 2]; k++)
            EACH_PART total[j][p] += PART(v, t->targets[k]);
        EACH_PART PART(v, r->out + i + j) = total[j][p];
    }
}

INLINED TARGET void NAMED(sums_back)(
    int weighted, int rows, ptrdiff_t i, const run *r, const tape *t, double *v, double *d)
{
    const slot *a = t->args + 3 * i, *factors = t->factors + a[0], *targets[ROWS];
    const double *shared = t->v;
    const slot products = a[1] - a[0], bits = r->wanted; /* read before d is written to */
    NAMED(vector) g[ROWS][PARTS];
    EACH_ROW targets[j] = t->targets + a[3 * j];
    EACH_ROW EACH_PART g[j][p] = PART(d, r->out + i + j);
    if (weighted) {
        if (bits & 2) for (slot k = 0; k < products; k++)
            EACH_PART {
                NAMED(vector) to = PART(d, factors[k]);
                EACH_ROW to = FUSED(g[j][p], shared[targets[j][k]] - (NAMED(vector)){0}, to);
                PART(d, factors[k]) = to;
            }
    } else for (slot k = 0; k < products; k++) {
        const slot x = targets[0][k], y = factors[k];
        if (bits & 1) EACH_PART PART(d, x) += g[0][p] * PART(v, y);
        if (bits & 2) EACH_PART PART(d, y) += g[0][p] * PART(v, x);
    }
    if (bits & 4) EACH_ROW
        for (slot k = a[3 * j + 1]; k < a[3 * j + 2]; k++)
            EACH_PART PART(d, t->targets[k]) += g[j][p];
}

#if WIDTH != 1
/* The sum of the numbers in half a slot, several at a time. */
#ifndef SUM_OF_HALF
INLINED TARGET double NAMED(sum_of_half)(const NAMED(vector) *half)
{
    double x[HALF_SLOT];
    memcpy(x, half, sizeof x);
    UNROLLED for (int n = HALF_SLOT / 2; n; n /= 2)
        UNROLLED for (int l = 0; l < n; l++) x[l] += x[l + n];
    return x[0];
}
#define SUM_OF_HALF NAMED(sum_of_half)
#endif

/* Add the derivatives with respect to the shared factors of weighted sums, for some blocks of LANES
   examples, each of which begins `size` numbers after the one before. */
INLINED TARGET void NAMED(weights_back)(
    int rows, ptrdiff_t i, const run *r, const tape *t, double *v, double *d,
    ptrdiff_t blocks, ptrdiff_t size)
{
    const slot *a = t->args + 3 * i, *factors = t->factors + a[0], *targets[ROWS];
    const slot products = a[1] - a[0], out = r->out + i;
    double *slopes = t->d;
    EACH_ROW targets[j] = t->targets + a[3 * j];
    for (slot k = 0; k < products; k++) {
        NAMED(vector) total[ROWS][HALVES], other[ROWS][HALVES];
        EACH_ROW EACH_HALF total[j][p] = other[j][p] = (NAMED(vector)){0};
        for (ptrdiff_t at = 0; at < blocks * size; at += size)
            EACH_HALF {
                const NAMED(vector) x = PART(v + at, factors[k]), y = SECOND(v + at, factors[k]);
                EACH_ROW {
                    total[j][p] = FUSED(PART(d + at, out + j), x, total[j][p]);
                    other[j][p] = FUSED(SECOND(d + at, out + j), y, other[j][p]);
                }
            }
        EACH_ROW EACH_HALF total[j][p] += other[j][p];
        EACH_ROW {
            const slot to = targets[j][k];
            if (slopes) EACH_HALF HALF(slopes, to) += total[j][p];
            else t->sums[to] += SUM_OF_HALF(total[j]);
        }
    }
}

TARGET static void NAMED(weights)(
    const tape *t, ptrdiff_t from, ptrdiff_t to, double *v, double *d,
    ptrdiff_t blocks, ptrdiff_t size)
{
    for (const run *r = t->runs + from; r < t->runs + to; r++)
        if (r->code == WEIGHTED && r->wanted & 1)
            EACH_GROUP(ROWS, NAMED(weights_back)(rows, i, r, t, v, d, blocks, size))
}
#endif

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
            case SUM: EACH_GROUP(1, NAMED(sums)(0, rows, i, r, t, v)) break;
            case WEIGHTED: EACH_GROUP(ROWS, NAMED(sums)(WIDTH > 1, rows, i, r, t, v)) break;
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
            case SUM: EACH_GROUP_BACK(1, NAMED(sums_back)(0, rows, i, r, t, v, d)) continue;
            case WEIGHTED:
                EACH_GROUP_BACK(ROWS, NAMED(sums_back)(WIDTH > 1, rows, i, r, t, v, d)) continue;
            case LOWERED: NAMED(copies_back)(r, t, v, d); continue;
        }
        switch (WIDTH == 1 ? r->code << 3 | r->wanted : r->code) {
            UNARY_OPERATIONS(SLOPES_1) BINARY_OPERATIONS(SLOPES_2) TERNARY_OPERATIONS(SLOPES_3)
        }
    }
}

#undef FUSED
#undef SUM_OF_HALF
#undef SLOT
#undef PART
#undef PARTS
#undef EACH_PART
#undef HALVES
#undef SECOND
#undef HALF
#undef EACH_HALF
#undef ROWS
#undef EACH_ROW
#undef EACH_GROUP
#undef EACH_GROUP_BACK
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
