/* Designs that fill space better than independent draws: Sobol's sequence, Latin hypercubes, and groups of points for
 * sensitivity indices. Each is a pure function of (seed, number of the point), without memory of other points.
 *
 * Sobol (1967), directions of Joe & Kuo (2008), in the order of the Gray code (Antonov & Saleev 1979), equal to cuRAND's
 * and SciPy's. Randomised by nested uniform scrambling (Owen 1995) whose permutations are hashes of the digits before:
 * each randomisation is a (t, m, s)-net whose points are uniform. Latin hypercubes (McKay, Beckman & Conover 1979) by a
 * Feistel network of 24 rounds, walked until it stays inside. Saltelli's rows (2010) are those of SALib: A, then A with
 * one coordinate of B each, then, for second order, B with one of A each, then B. Morris's are radial (Campolongo,
 * Saltelli & Cariboni 2011): a base, then each coordinate in turn replaced by that of a second point. */
#ifndef NESSMAP_SEQUENCE_H
#define NESSMAP_SEQUENCE_H

/* a bijection of 32 bits that spreads every bit over all */
NM_FN uint32_t nm_mix(uint32_t a)
{
    a ^= a >> 16;
    a *= 0x21f0aaadu;
    a ^= a >> 15;
    a *= 0xd35a2d97u;
    return a ^ a >> 15;
}

/* point n of Sobol's sequence in the dimension with these directions, 32 binary digits */
NM_FN uint32_t nm_sobol(const uint32_t *directions, uint64_t n)
{
    uint32_t x = 0, gray = (uint32_t)(n ^ n >> 1);
    for (int k = 0; gray != 0; k++, gray >>= 1) {
        x ^= directions[k] & (0u - (gray & 1u));
    }
    return x;
}

/* Flips each digit by a bit that depends on the digits before it alone. They are known, so that all 32 bits are found at
 * once, on the lanes that the processor has. */
NM_FN uint32_t nm_scramble(uint32_t x, uint32_t s0, uint32_t s1)
{
    uint32_t flips = 0;
    NM_ROLL
    for (uint32_t j = 0; j < 32; j++) {
        const uint32_t node = 1u << j | x >> 1 >> (31 - j); /* the digits before, behind a leading 1 */
        flips |= nm_mix(nm_mix(node ^ s0) + s1) >> 31 << (31 - j);
    }
    return x ^ flips;
}

/* one round of a Feistel network: a hash of one half, the round and the key */
NM_FN uint32_t nm_round(uint32_t half, uint32_t round, uint32_t key0, uint32_t key1)
{
    uint32_t key = nm_mix(nm_mix(round * 0x9E3779B9u + key0) ^ key1);
    return nm_mix(nm_mix(half + key) ^ key1);
}

/* where a permutation of n < 2^32 things, chosen by the key, puts thing i */
NM_FN uint32_t nm_permute(uint32_t i, uint32_t n, uint32_t key0, uint32_t key1)
{
    int bits = 2;
    while (bits < 32 && (n - 1) >> bits != 0) {
        bits++;
    }
    const uint32_t n_rounds = bits < 8 ? 96 : 24; /* a half of a bit or two mixes little in a round */
    const int n_low = bits - bits / 2;
    const uint32_t low_mask = (1u << n_low) - 1u, high_mask = (1u << bits / 2) - 1u;
    do {
        uint32_t low = i & low_mask, high = i >> n_low;
        for (uint32_t round = 0; round < n_rounds; round += 2) {
            high ^= nm_round(low, round, key0, key1) & high_mask;
            low ^= nm_round(high, round + 1, key0, key1) & low_mask;
        }
        i = high << n_low | low;
    } while (i >= n);
    return i;
}

/* Where a point stands in its design. */
struct nm_stand {
    int64_t cell, base;       /* cell of the axes; base point, counted through all cells */
    uint64_t in_replicate;    /* the base point's number in its randomisation */
    uint64_t randomisation;
    int member;               /* of the group of its base point */
};
NM_FN nm_stand nm_find_stand(const nm_draw *draw, int64_t index)
{
    nm_stand place;
    const int64_t n_base = draw->n_draws / draw->group, length = n_base / draw->n_replicates;
    place.cell = index / draw->n_draws;
    const int64_t draw_number = index - place.cell * draw->n_draws, number = draw_number / draw->group;
    place.member = (int)(draw_number - number * draw->group);
    place.base = place.cell * n_base + number;
    place.in_replicate = (uint64_t)(number % length);
    place.randomisation = (uint64_t)(place.cell * draw->n_replicates + number / length);
    return place;
}

/* coordinate of a base point; low digits, beyond those of Sobol's numbers, are independent draws */
NM_FN double nm_sobol_uniform(const nm_draw *draw, const nm_stand *place, int dimension)
{
    uint32_t x = nm_sobol(draw->directions[dimension], place->in_replicate);
    if (draw->is_scrambled) {
        nm_words s = nm_philox(draw->seed, place->randomisation, NM_TAG_SCRAMBLE, (uint32_t)dimension);
        x = nm_scramble(x, s.w[0], s.w[1]);
    }
    nm_words low = nm_philox(draw->seed, (uint64_t)place->base, NM_TAG_LOW_DIGITS, (uint32_t)(dimension / 4));
    return (double)(int64_t)((uint64_t)x << 21 | low.w[dimension % 4] >> 12 << 1 | 1u) * 0x1p-53;
}

NM_FN double nm_lhs_uniform(const nm_draw *draw, const nm_stand *place, int dimension)
{
    const int64_t n = draw->n_draws / draw->n_replicates;
    nm_words key = nm_philox(draw->seed, place->randomisation, NM_TAG_LHS, (uint32_t)dimension);
    uint32_t stratum = nm_permute((uint32_t)place->in_replicate, (uint32_t)n, key.w[0], key.w[1]);
    double inside = nm_draw_uniform(draw->seed, (uint64_t)place->base, NM_TAG_JITTER, dimension);
    double u = ((double)stratum + inside) / (double)n;
    return u < 1.0 ? u : 1.0 - 0x1p-53;
}

/* 1 if coordinate r of this member of a group comes from the second point of its base */
NM_FN int nm_takes_second(const nm_draw *draw, int member, int r)
{
    if (draw->sequence == NM_SEQUENCE_MORRIS) {
        return member == r + 1;
    }
    const int d = draw->n_random;
    if (member <= d) {
        return member == r + 1; /* A, and A with one coordinate of B */
    }
    return member == draw->group - 1 || member - d != r + 1; /* B, and B with one coordinate of A */
}

/* coordinate r in (0, 1) of a point of any sequence but independent draws */
NM_FN double nm_sequence_uniform(const nm_draw *draw, const nm_stand *place, int r)
{
    if (draw->sequence == NM_SEQUENCE_LHS) {
        return nm_lhs_uniform(draw, place, r);
    }
    if (draw->group > 1 && nm_takes_second(draw, place->member, r)) {
        return nm_sobol_uniform(draw, place, draw->n_random + r);
    }
    return nm_sobol_uniform(draw, place, r);
}

#endif
