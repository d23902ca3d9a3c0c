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
#define T15(k, a, b, c, d) { V p0, p1, p2, r0, r1, r2, h; T7(k, p0, p1, p2) T7(k + 7, r0, r1, r2) \
    SUM(p0, r0, L(k + 14), a, h) SUM(p1, r1, h, b, h) SUM(p2, r2, h, c, d) }
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

// reads every byte once
void read_all(const char *p, long bytes) {
    const char *end = p + (bytes & ~255L);
    for (; p < end; p += 256)
        __asm__ volatile("vmovdqu64 (%0),%%zmm0\nvmovdqu64 64(%0),%%zmm1\nvmovdqu64 128(%0),%%zmm2\nvmovdqu64 192(%0),%%zmm3"
                         ::"r"(p) : "xmm0", "xmm1", "xmm2", "xmm3");
}
