/* The loops of tapes for slots of WIDTH numbers, included once for each kind of machine code.

NAMED(f) names a function f of this kind, and OF(f) one of operations.h; VECTOR numbers fit in a
register, of which TARGET tells the compiler. */

typedef double NAMED(vector) VECTOR_TYPE;

#define SLOT(v, s) ((v) + (ptrdiff_t)WIDTH * (s))
#define PART(v, s) ((NAMED(vector) *)SLOT(v, s))[p]
#define EACH_PART for (int p = 0; p < WIDTH / VECTOR; p++)

INLINED TARGET void NAMED(each_value)(int code, const run *r, const tape *t, double *v)
{
    for (ptrdiff_t i = r->start; i < r->stop; i++) {
        const slot *a = t->args + 3 * i;
        const double *x = SLOT(v, a[0]), *y = SLOT(v, a[1]), *z = SLOT(v, a[2]);
        double *out = SLOT(v, r->out + i);
        EACH_LANE(WIDTH) out[l] = OF(value)(code, x[l], y[l], z[l]);
    }
}

/* The derivatives with respect to the arguments whose bits are in `wanted`. */
INLINED TARGET void NAMED(each_slope)(
    int code, int wanted, const run *r, const tape *t, const double *v, double *d)
{
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) {
        const slot *a = t->args + 3 * i;
        const double *x = SLOT(v, a[0]), *y = SLOT(v, a[1]), *z = SLOT(v, a[2]);
        const double *out = SLOT(v, r->out + i), *g = SLOT(d, r->out + i);
        double *dx = SLOT(d, a[0]), *dy = SLOT(d, a[1]), *dz = SLOT(d, a[2]);
#define SLOPE(k) g[l] * OF(slope)(code, k, out[l], x[l], y[l], z[l])
        if (wanted & 1) EACH_LANE(WIDTH) dx[l] += SLOPE(0);
        if (wanted & 2) EACH_LANE(WIDTH) dy[l] += SLOPE(1);
        if (wanted & 4) EACH_LANE(WIDTH) dz[l] += SLOPE(2);
#undef SLOPE
    }
}

INLINED TARGET void NAMED(each_reduced)(int code, const run *r, const tape *t, double *v)
{
    for (ptrdiff_t i = r->start; i < r->stop; i++) {
        const slot *a = t->args + 3 * i;
        OF(reduce)(code, a[1] - a[0], t->targets + a[0], v, SLOT(v, r->out + i));
    }
}

INLINED TARGET void NAMED(each_spread)(
    int code, const run *r, const tape *t, const double *v, double *d)
{
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) {
        const slot *a = t->args + 3 * i;
        const double *out = SLOT(v, r->out + i), *g = SLOT(d, r->out + i);
        OF(reduce_slopes)(code, a[1] - a[0], t->targets + a[0], v, out, g, d);
    }
}

/* Sums of products, of two slots each, and of further terms. */
INLINED TARGET void NAMED(sums)(const run *r, const tape *t, double *v)
{
    const slot *targets = t->targets, *factors = t->factors;
    for (ptrdiff_t i = r->start; i < r->stop; i++) {
        const slot *a = t->args + 3 * i;
        NAMED(vector) total[WIDTH / VECTOR];
        EACH_PART total[p] = (NAMED(vector)){0};
        for (slot k = a[0]; k < a[1]; k++)
            EACH_PART total[p] += PART(v, targets[k]) * PART(v, factors[k]);
        for (slot k = a[1]; k < a[2]; k++)
            EACH_PART total[p] += PART(v, targets[k]);
        EACH_PART PART(v, r->out + i) = total[p];
    }
}

INLINED TARGET void NAMED(sums_back)(
    int wanted, const run *r, const tape *t, double *v, double *d)
{
    const slot *targets = t->targets, *factors = t->factors;
    for (ptrdiff_t i = r->stop - 1; i >= r->start; i--) {
        const slot *a = t->args + 3 * i;
        NAMED(vector) g[WIDTH / VECTOR];
        EACH_PART g[p] = PART(d, r->out + i);
        for (slot k = a[0]; k < a[1]; k++) {
            if (wanted & 1) EACH_PART PART(d, targets[k]) += g[p] * PART(v, factors[k]);
            if (wanted & 2) EACH_PART PART(d, factors[k]) += g[p] * PART(v, targets[k]);
        }
        if (wanted & 4)
            for (slot k = a[1]; k < a[2]; k++) EACH_PART PART(d, targets[k]) += g[p];
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

/* Compute the values of some runs. */
TARGET static void NAMED(values)(const tape *t, ptrdiff_t from, ptrdiff_t to, double *v)
{
    for (const run *r = t->runs + from; r < t->runs + to; r++)
        switch (r->code) {
#define VALUES(name, code) case code: NAMED(each_value)(code, r, t, v); break;
#define REDUCED(name, code) case code: NAMED(each_reduced)(code, r, t, v); break;
        UNARY_OPERATIONS(VALUES) BINARY_OPERATIONS(VALUES) TERNARY_OPERATIONS(VALUES)
        REDUCING_OPERATIONS(REDUCED)
        case SUM: NAMED(sums)(r, t, v); break;
        case LOWERED: NAMED(copies)(r, t, v); break;
        }
}

/* Add what some runs, from the last to the first, pass on of the derivatives d. */
TARGET static void NAMED(slopes)(
    const tape *t, ptrdiff_t from, ptrdiff_t to, double *v, double *d)
{
    for (const run *r = t->runs + to - 1; r >= t->runs + from; r--) {
        if (!r->wanted) continue;
        switch (r->code) {
        case SUM: NAMED(sums_back)(r->wanted, r, t, v, d); continue;
        case LOWERED: NAMED(copies_back)(r, t, v, d); continue;
#define SPREAD(name, code) case code: NAMED(each_spread)(code, r, t, v, d); continue;
        REDUCING_OPERATIONS(SPREAD)
        }
#if WIDTH == 1 /* a loop for each choice of the arguments that get a derivative */
        switch (r->code << 3 | r->wanted) {
#define SLOPES(code, wanted) \
    case code << 3 | wanted: NAMED(each_slope)(code, wanted, r, t, v, d); break;
#define SLOPES_1(name, code) SLOPES(code, 1)
#define SLOPES_2(name, code) SLOPES_1(name, code) SLOPES(code, 2) SLOPES(code, 3)
#define SLOPES_3(name, code) SLOPES_2(name, code) \
    SLOPES(code, 4) SLOPES(code, 5) SLOPES(code, 6) SLOPES(code, 7)
        UNARY_OPERATIONS(SLOPES_1) BINARY_OPERATIONS(SLOPES_2) TERNARY_OPERATIONS(SLOPES_3)
#undef SLOPES
        }
#else /* to choose once more for each instruction takes no time, beside all lanes */
        switch (r->code) {
#define SLOPES(name, code) case code: NAMED(each_slope)(code, r->wanted, r, t, v, d); break;
        UNARY_OPERATIONS(SLOPES) BINARY_OPERATIONS(SLOPES) TERNARY_OPERATIONS(SLOPES)
#undef SLOPES
        }
#endif
    }
}

#undef SLOT
#undef PART
#undef EACH_PART
#undef VALUES
#undef REDUCED
#undef SPREAD
#undef WIDTH
#undef VECTOR
#undef VECTOR_TYPE
#undef TARGET
#undef NAMED
#undef OF
