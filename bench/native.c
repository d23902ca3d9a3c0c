// The native limit: the same two kernels with AVX-512 intrinsics, and loops that measure what the ports can do.
#include <immintrin.h>
#include <stdint.h>
#include <stddef.h>

typedef __m512i V;

// words * samples * blocks: weights [block][word][8 rows] of 64 bits, one start vector behind each block; samples % 8 == 0
void xnor_layer(const uint64_t *x, long words, long samples, const uint64_t *weights, long blocks, uint8_t *out, long pitch) {
    long size = 8 * (words + 1);
    for (long j = 0; j < blocks; j += 2)
        for (long i = 0; i < samples; i += 8) {
            const uint64_t *w0 = weights + j * size, *w1 = w0 + size, *row = x + i * words;
            V a[8], b[8];
            for (int s = 0; s < 8; s++) a[s] = b[s] = _mm512_setzero_si512();
            for (long k = 0; k < words; k++) {
                V u = _mm512_load_si512(w0 + 8 * k), v = _mm512_load_si512(w1 + 8 * k);
                for (int s = 0; s < 8; s++) {
                    V bits = _mm512_set1_epi64((long long)row[s * words + k]);
                    a[s] = _mm512_sub_epi64(a[s], _mm512_popcnt_epi64(_mm512_xor_si512(bits, u)));
                    b[s] = _mm512_sub_epi64(b[s], _mm512_popcnt_epi64(_mm512_xor_si512(bits, v)));
                }
            }
            V t0 = _mm512_load_si512(w0 + 8 * words), t1 = _mm512_load_si512(w1 + 8 * words);
            for (int s = 0; s < 8; s++) {
                out[(i + s) * pitch + j] = (uint8_t)~_mm512_movepi64_mask(_mm512_add_epi64(a[s], t0));
                out[(i + s) * pitch + j + 1] = (uint8_t)~_mm512_movepi64_mask(_mm512_add_epi64(b[s], t1));
            }
        }
}

#define SUM(a, b, c, s, h) { V a_ = a, b_ = b, c_ = c; h = _mm512_ternarylogic_epi64(a_, b_, c_, 0xe8); \
                             s = _mm512_ternarylogic_epi64(a_, b_, c_, 0x96); }
#define L(k) _mm512_load_si512(planes + (uint16_t)(q[(k) / 4] >> 16 * ((k) % 4)))
#define T3(k, a, b) SUM(L(k), L(k + 1), L(k + 2), a, b)
#define T7(k, a, b, c) { V p, q_, r, t, h; T3(k, p, q_) T3(k + 3, r, t) SUM(p, r, L(k + 6), a, h) SUM(q_, t, h, b, c) }
#define T15(k, a, b, c, d) { V u0, u1, u2, v0, v1, v2, h; T7(k, u0, u1, u2) T7(k + 7, v0, v1, v2) \
    SUM(u0, v0, L(k + 14), a, h) SUM(u1, v1, h, b, h) SUM(u2, v2, h, c, d) }
#define T31(a, b, c, d, e) { V p0, p1, p2, p3, r0, r1, r2, r3, h; T15(0, p0, p1, p2, p3) T15(15, r0, r1, r2, r3) \
    SUM(p0, r0, L(30), a, h) SUM(p1, r1, h, b, h) SUM(p2, r2, h, c, h) SUM(p3, r3, h, d, e) }

// rows of 32 * runs literals (16-bit word offsets) over planes; against: 12 planes; out: one plane per row
void sliced_layer(const uint64_t *planes, const uint64_t *literals, long runs, long rows, const uint64_t *against, uint64_t *out) {
    const uint64_t *q = literals;
    for (long n = 0; n < rows; n++) {
        V s[12];
        for (int k = 0; k < 12; k++) s[k] = _mm512_setzero_si512();
        for (long b = 0; b < runs; b++, q += 8) {
            V t0, t1, t2, t3, t4, h;
            T31(t0, t1, t2, t3, t4)
            SUM(s[0], t0, L(31), s[0], h) SUM(s[1], t1, h, s[1], h) SUM(s[2], t2, h, s[2], h)
            SUM(s[3], t3, h, s[3], h) SUM(s[4], t4, h, s[4], h)
            for (int k = 5; k < 12; k++) { V u = _mm512_and_si512(s[k], h); s[k] = _mm512_xor_si512(s[k], h); h = u; }
        }
        V carry = _mm512_setzero_si512();
        for (int k = 0; k < 12; k++) carry = _mm512_ternarylogic_epi64(s[k], _mm512_load_si512(against + 8 * k), carry, 0xe8);
        _mm512_store_si512(out + 8 * n, carry);
    }
}

#define INLINE static inline __attribute__((always_inline))

// adds 4, 8, 16 or 32 literals to `levels` digits, as above
INLINE void block(V *s, int levels, int size, const uint64_t *planes, const uint64_t *q) {
    V w[5], h = L(size - 1);
    int digits = size == 4 ? 2 : size == 8 ? 3 : size == 16 ? 4 : 5;
    if (size == 4) { T3(0, w[0], w[1]) }
    if (size == 8) { T7(0, w[0], w[1], w[2]) }
    if (size == 16) { T15(0, w[0], w[1], w[2], w[3]) }
    if (size == 32) { T31(w[0], w[1], w[2], w[3], w[4]) }
    for (int k = 0; k < digits; k++) SUM(s[k], w[k], h, s[k], h)
    for (int k = digits; k < levels; k++) { V u = _mm512_and_si512(s[k], h); s[k] = _mm512_xor_si512(s[k], h); h = u; }
}

INLINE const uint64_t *list(V *s, int levels, long fours, const uint64_t *planes, const uint64_t *q) {
    for (long b = 0; b < fours >> 3; b++, q += 8) block(s, levels, 32, planes, q);
    if (fours & 4) { block(s, levels, 16, planes, q); q += 4; }
    if (fours & 2) { block(s, levels, 8, planes, q); q += 2; }
    if (fours & 1) { block(s, levels, 4, planes, q); q += 1; }
    return q;
}

INLINE void keep(const V *s, int levels, uint64_t *slot) {
    for (int k = 0; k < levels; k++) _mm512_store_si512(slot + 8 * k, s[k]);
}

INLINE void take(V *s, int levels, const uint64_t *slot) {
    for (int k = 0; k < levels; k++) s[k] = _mm512_load_si512(slot + 8 * k);
}

INLINE void start(V *s, int levels, const int64_t *masks) {
    for (int k = 0; k < levels; k++) s[k] = _mm512_set1_epi64(masks[k]);
}

INLINE void plus(V *s, int levels, const uint64_t *slot) {
    V h = _mm512_setzero_si512();
    for (int k = 0; k < levels; k++) SUM(s[k], _mm512_load_si512(slot + 8 * k), h, s[k], h)
}

INLINE void sign(const V *s, int levels, const uint64_t *low, const uint64_t *high, const int64_t *masks, uint64_t *out) {
    V carry = _mm512_and_si512(_mm512_set1_epi64(masks[0]), _mm512_load_si512(low));
    for (int k = 0; k < levels - 1; k++) carry = _mm512_ternarylogic_epi64(s[k], _mm512_load_si512(high + 8 * k), carry, 0xe8);
    V top = _mm512_ternarylogic_epi64(s[levels - 1], _mm512_load_si512(high + 8 * levels - 8), carry, 0x96);
    _mm512_store_si512(out, _mm512_xor_si512(top, _mm512_set1_epi64(masks[1])));
}

// three rows at a time (sim/packed/planes/row_triples.py), all of them `times` times; fours: lengths of the 7 lists of each triple in
// fours of literals
INLINE void row_triples(int levels, long times, const uint64_t *planes, const uint64_t *q0, const uint32_t *fours0, long count,
                  const int64_t *masks0, const uint64_t *low, uint64_t *slots, uint64_t *out0) {
    uint64_t *a = slots, *b = a + 8 * levels, *p = b + 8 * levels, *x = p + 8 * levels;
    const uint64_t *high = low + 8;
    for (; times > 0; times--) {
        const uint64_t *q = q0;
        const uint32_t *fours = fours0;
        const int64_t *masks = masks0;
        uint64_t *out = out0;
        for (long n = 0; n < count; n++, fours += 7, masks += 3 * levels + 6, out += 24) {
            const int64_t *ends = masks + 3 * levels;
            V s[16];
            start(s, levels, masks); q = list(s, levels, fours[0], planes, q); plus(s, levels, high); keep(s, levels, a);
            start(s, levels, masks + levels); q = list(s, levels, fours[1], planes, q); keep(s, levels, b);
            start(s, levels, masks + 2 * levels); q = list(s, levels, fours[2], planes, q); keep(s, levels, p);
            q = list(s, levels, fours[3], planes, q); keep(s, levels, x);
            q = list(s, levels, fours[4], planes, q); sign(s, levels, low, a, ends, out);
            take(s, levels, x); q = list(s, levels, fours[5], planes, q); plus(s, levels, b);
            sign(s, levels, low, high, ends + 2, out + 8);
            take(s, levels, p); q = list(s, levels, fours[6], planes, q); plus(s, levels, b);
            sign(s, levels, low, a, ends + 4, out + 16);
        }
    }
}

#define ARGUMENTS long times, const uint64_t *planes, const uint64_t *q, const uint32_t *fours, long count, \
                  const int64_t *masks, const uint64_t *against, uint64_t *slots, uint64_t *out
void row_triples_9(ARGUMENTS) { row_triples(9, times, planes, q, fours, count, masks, against, slots, out); }
void row_triples_11(ARGUMENTS) { row_triples(11, times, planes, q, fours, count, masks, against, slots, out); }

// 16 triples of xor, popcount, add per turn
void port_xnor(long turns) {
#define X(a, t, s) "vpxorq %%zmm" #a ",%%zmm4,%%zmm" #t "\nvpopcntq %%zmm" #t ",%%zmm" #t "\nvpaddq %%zmm" #t ",%%zmm" #s ",%%zmm" #s "\n"
#define X8 X(0, 24, 16) X(1, 25, 17) X(2, 26, 18) X(3, 27, 19) X(0, 28, 20) X(1, 29, 21) X(2, 30, 22) X(3, 31, 23)
    __asm__ volatile("1:\n" X8 X8 "dec %0\njnz 1b" : "+r"(turns)::"cc", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",
                     "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

// 8 full adders (a copy and two three-input operations) per turn
void port_adder(long turns) {
#define F(a, t) "vmovdqa64 %%zmm" #a ",%%zmm" #t "\nvpternlogq $0x96,%%zmm0,%%zmm1,%%zmm" #a "\nvpternlogq $0xe8,%%zmm0,%%zmm1,%%zmm" #t "\n"
    __asm__ volatile("1:\n" F(16, 24) F(17, 25) F(18, 26) F(19, 27) F(20, 28) F(21, 29) F(22, 30) F(23, 31) "dec %0\njnz 1b"
                     : "+r"(turns)::"cc", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                     "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

// the same, and a load for each: what a literal takes at least
void port_literal(const char *planes, long turns) {
#define G(a, t, x) "vmovdqa64 " #x "*64(%1),%%zmm" #t "\nvmovdqa64 %%zmm" #t ",%%zmm1\nvpternlogq $0x96,%%zmm" #a \
                   ",%%zmm0,%%zmm" #t "\nvpternlogq $0xe8,%%zmm1,%%zmm0,%%zmm" #a "\n"
    __asm__ volatile("1:\n" G(16, 24, 0) G(17, 25, 1) G(18, 26, 2) G(19, 27, 3) G(20, 28, 4) G(21, 29, 5) G(22, 30, 6)
                     G(23, 31, 7) "dec %0\njnz 1b"
                     : "+r"(turns) : "r"(planes) : "cc", "xmm1", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",
                     "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

// reads every byte once
void read_all(const char *p, long bytes) {
    const char *end = p + (bytes & ~255L);
    for (; p < end; p += 256)
        __asm__ volatile("vmovdqu64 (%0),%%zmm0\nvmovdqu64 64(%0),%%zmm1\nvmovdqu64 128(%0),%%zmm2\nvmovdqu64 192(%0),%%zmm3"
                         ::"r"(p) : "xmm0", "xmm1", "xmm2", "xmm3");
}
