//! The one file of this crate with `unsafe`: sixteen numbers at a time, on what the processor offers.
//!
//! Everything else is written once, over [`Lanes`], and runs on AVX-512, AVX2 with FMA, NEON or plain
//! arrays. *Promise:* all of them give the same bits. Each operation of [`Lanes`] is exactly rounded
//! (a product and a sum are rounded once), acts on each lane alone, and the order of a sum is fixed by
//! who uses it; so a vector does not depend on the machine that computed it.
//!
//! *Why this is sound.* A value of an implementing type proves that its instructions exist: the types
//! can be made only here, in [`Kernel::run`], behind the processor's own answer. All memory is reached
//! through references to arrays of exactly sixteen numbers.
//!
//! *Not here:* products of matrices (`multiply.rs`), attention, layer norm: they are safe code.
#![allow(
    unsafe_code,
    reason = "vector instructions are unsafe calls; nothing else in the crate is, see the header"
)]

/// How many numbers an operation treats at once.
pub const LANES: usize = 16;

/// Adding and subtracting this rounds a small number to a whole one; the low bits then hold it.
pub const ROUNDING_SHIFT: f32 = 12_582_912.0;

/// Sixteen-lane arithmetic; a value of the implementing type proves that the processor can do it.
pub trait Lanes: Copy {
    /// Sixteen numbers.
    type Sixteen: Copy;
    /// Rows of a register tile in a product of matrices; at most 14.
    const TILE_ROWS: usize;
    /// Whether a tile is 32 columns wide; else 16.
    const WIDE: bool;

    /// Returns the numbers in `from`.
    fn load(self, from: &[f32; LANES]) -> Self::Sixteen;
    /// Writes the numbers to `to`.
    fn store(self, value: Self::Sixteen, to: &mut [f32; LANES]);
    /// Returns one number in every lane.
    fn splat(self, value: f32) -> Self::Sixteen;
    /// Returns `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Sixteen, b: Self::Sixteen, c: Self::Sixteen) -> Self::Sixteen;
    /// Returns `a + b`.
    fn add(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns `a - b`.
    fn sub(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns `a * b`.
    fn mul(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns `a / b`.
    fn div(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns the smaller of each pair; neither may be NaN.
    fn min(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns the larger of each pair; neither may be NaN.
    fn max(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen;
    /// Returns `2^n` for `shifted = n + ROUNDING_SHIFT`, `n` whole and in -126..=127.
    fn power_of_two(self, shifted: Self::Sixteen) -> Self::Sixteen;
}

/// No tile has more rows than this.
#[cfg(test)]
pub const TILE_ROWS_MAX: usize = 14;

/// Work that is written over [`Lanes`]. Implementations of `run`, and everything they call that takes
/// lanes, must be `#[inline(always)]`: what is not inlined is compiled without the instructions.
pub trait Job {
    /// What it returns.
    type Output;
    /// Does the work.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Which instructions are used. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Choice);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Kernel {
    /// Returns the fastest kernel that this processor can run.
    pub fn detect() -> Kernel {
        Kernel::available()[0]
    }

    /// Returns every kernel that this processor can run, the fastest first.
    pub fn available() -> Vec<Kernel> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                found.push(Choice::Avx512);
            }
            if avx2 {
                found.push(Choice::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            found.push(Choice::Neon);
        }
        found.push(Choice::Portable);
        found.into_iter().map(Kernel).collect()
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => "neon",
            Choice::Portable => "portable",
        }
    }

    /// Does `job` with these instructions.
    pub fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            // SAFETY: a `Kernel` that names AVX-512 was made by `available` on this processor, after
            // it had reported `avx512f`, `avx2` and `fma`.
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => unsafe { x86::run_avx512(job) },
            // SAFETY: as above, for `avx2` and `fma`.
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => unsafe { x86::run_avx2(job) },
            // SAFETY: as above, for `neon`.
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => unsafe { arm::run_neon(job) },
            Choice::Portable => job.run(Portable(())),
        }
    }
}

/// Plain arrays: for every other processor, and what the others are tested against.
#[derive(Clone, Copy)]
struct Portable(());

impl Portable {
    #[inline(always)]
    fn each(a: [f32; LANES], b: [f32; LANES], of: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        for lane in 0..LANES {
            out[lane] = of(a[lane], b[lane]);
        }
        out
    }
}

impl Lanes for Portable {
    type Sixteen = [f32; LANES];
    const TILE_ROWS: usize = 4;
    const WIDE: bool = false;

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> [f32; LANES] {
        *from
    }
    #[inline(always)]
    fn store(self, value: [f32; LANES], to: &mut [f32; LANES]) {
        *to = value;
    }
    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }
    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        let mut out = c;
        for lane in 0..LANES {
            out[lane] = a[lane].mul_add(b[lane], c[lane]);
        }
        out
    }
    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn min(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        Self::each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn power_of_two(self, shifted: [f32; LANES]) -> [f32; LANES] {
        shifted.map(|n| f32::from_bits((n.to_bits() << 23).wrapping_add(1.0f32.to_bits())))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Job, LANES, Lanes};
    use std::arch::x86_64::*;

    /// Runs `job` with AVX-512.
    ///
    /// # Safety
    /// The processor must have the features.
    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) unsafe fn run_avx512<J: Job>(job: J) -> J::Output {
        job.run(Avx512(()))
    }

    /// Runs `job` with AVX2 and FMA.
    ///
    /// # Safety
    /// The processor must have the features.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn run_avx2<J: Job>(job: J) -> J::Output {
        job.run(Avx2(()))
    }

    /// One register of sixteen numbers.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512(());

    /// Two registers of eight numbers.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    // SAFETY, for every block in this implementation: `self` exists only inside `run_avx512`, whose
    // caller has made sure of the features; a pointer comes from a reference to sixteen numbers.
    impl Lanes for Avx512 {
        type Sixteen = __m512;
        const TILE_ROWS: usize = 14;
        const WIDE: bool = true;

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_loadu_ps(from.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, value: __m512, to: &mut [f32; LANES]) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), value) }
        }
        #[inline(always)]
        fn splat(self, value: f32) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(value) }
        }
        #[inline(always)]
        fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        fn sub(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_sub_ps(a, b) }
        }
        #[inline(always)]
        fn mul(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        fn div(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_div_ps(a, b) }
        }
        #[inline(always)]
        fn min(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_min_ps(a, b) }
        }
        #[inline(always)]
        fn max(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_max_ps(a, b) }
        }
        #[inline(always)]
        fn power_of_two(self, shifted: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe {
                let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
                let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
                _mm512_castsi512_ps(_mm512_add_epi32(exponent, one))
            }
        }
    }

    /// Applies a two-operand instruction to both halves.
    macro_rules! halves {
        ($instruction:ident, $a:expr, $b:expr) => {
            // SAFETY: see the implementation's head.
            unsafe { ($instruction($a.0, $b.0), $instruction($a.1, $b.1)) }
        };
    }

    // SAFETY, for every block in this implementation: `self` exists only inside `run_avx2`, whose
    // caller has made sure of the features; a pointer, and the pointer eight numbers behind it, come
    // from a reference to sixteen numbers.
    impl Lanes for Avx2 {
        type Sixteen = (__m256, __m256);
        const TILE_ROWS: usize = 6;
        const WIDE: bool = false;

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::Sixteen {
            let from = from.as_ptr();
            // SAFETY: see above.
            unsafe { (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }
        #[inline(always)]
        fn store(self, value: Self::Sixteen, to: &mut [f32; LANES]) {
            let to = to.as_mut_ptr();
            // SAFETY: see above.
            unsafe {
                _mm256_storeu_ps(to, value.0);
                _mm256_storeu_ps(to.add(8), value.1);
            }
        }
        #[inline(always)]
        fn splat(self, value: f32) -> Self::Sixteen {
            // SAFETY: see above.
            let eight = unsafe { _mm256_set1_ps(value) };
            (eight, eight)
        }
        #[inline(always)]
        fn mul_add(self, a: Self::Sixteen, b: Self::Sixteen, c: Self::Sixteen) -> Self::Sixteen {
            // SAFETY: see above.
            unsafe { (_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)) }
        }
        #[inline(always)]
        fn add(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_add_ps, a, b)
        }
        #[inline(always)]
        fn sub(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_sub_ps, a, b)
        }
        #[inline(always)]
        fn mul(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_mul_ps, a, b)
        }
        #[inline(always)]
        fn div(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_div_ps, a, b)
        }
        #[inline(always)]
        fn min(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_min_ps, a, b)
        }
        #[inline(always)]
        fn max(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            halves!(_mm256_max_ps, a, b)
        }
        #[inline(always)]
        fn power_of_two(self, shifted: Self::Sixteen) -> Self::Sixteen {
            let power = |shifted: __m256| {
                // SAFETY: see above.
                unsafe {
                    let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
                    let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
                    _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
                }
            };
            (power(shifted.0), power(shifted.1))
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Job, LANES, Lanes};
    use std::arch::aarch64::*;

    /// Runs `job` with NEON.
    ///
    /// # Safety
    /// The processor must have the feature.
    #[target_feature(enable = "neon")]
    pub(super) unsafe fn run_neon<J: Job>(job: J) -> J::Output {
        job.run(Neon(()))
    }

    /// Four registers of four numbers.
    #[derive(Clone, Copy)]
    pub(super) struct Neon(());

    /// Applies a two-operand instruction to all four registers.
    macro_rules! quarters {
        ($instruction:ident, $a:expr, $b:expr) => {{
            let mut out = $a;
            for part in 0..4 {
                // SAFETY: see the implementation's head.
                out[part] = unsafe { $instruction($a[part], $b[part]) };
            }
            out
        }};
    }

    // SAFETY, for every block in this implementation: `self` exists only inside `run_neon`, whose
    // caller has made sure of the feature; pointers 0, 4, 8 and 12 numbers behind the first come from
    // a reference to sixteen numbers.
    impl Lanes for Neon {
        type Sixteen = [float32x4_t; 4];
        const TILE_ROWS: usize = 6;
        const WIDE: bool = false;

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::Sixteen {
            let from = from.as_ptr();
            // SAFETY: see above.
            unsafe {
                [
                    vld1q_f32(from),
                    vld1q_f32(from.add(4)),
                    vld1q_f32(from.add(8)),
                    vld1q_f32(from.add(12)),
                ]
            }
        }
        #[inline(always)]
        fn store(self, value: Self::Sixteen, to: &mut [f32; LANES]) {
            for (part, four) in value.into_iter().enumerate() {
                // SAFETY: see above.
                unsafe { vst1q_f32(to.as_mut_ptr().add(4 * part), four) }
            }
        }
        #[inline(always)]
        fn splat(self, value: f32) -> Self::Sixteen {
            // SAFETY: see above.
            let four = unsafe { vdupq_n_f32(value) };
            [four; 4]
        }
        #[inline(always)]
        fn mul_add(self, a: Self::Sixteen, b: Self::Sixteen, c: Self::Sixteen) -> Self::Sixteen {
            let mut out = c;
            for part in 0..4 {
                // SAFETY: see above. `vfmaq_f32(c, a, b)` is `c + a * b`, rounded once.
                out[part] = unsafe { vfmaq_f32(c[part], a[part], b[part]) };
            }
            out
        }
        #[inline(always)]
        fn add(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vaddq_f32, a, b)
        }
        #[inline(always)]
        fn sub(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vsubq_f32, a, b)
        }
        #[inline(always)]
        fn mul(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vmulq_f32, a, b)
        }
        #[inline(always)]
        fn div(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vdivq_f32, a, b)
        }
        #[inline(always)]
        fn min(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vminq_f32, a, b)
        }
        #[inline(always)]
        fn max(self, a: Self::Sixteen, b: Self::Sixteen) -> Self::Sixteen {
            quarters!(vmaxq_f32, a, b)
        }
        #[inline(always)]
        fn power_of_two(self, shifted: Self::Sixteen) -> Self::Sixteen {
            let mut out = shifted;
            for four in &mut out {
                // SAFETY: see above.
                *four = unsafe {
                    let exponent = vshlq_n_s32::<23>(vreinterpretq_s32_f32(*four));
                    let one = vreinterpretq_s32_f32(vdupq_n_f32(1.0));
                    vreinterpretq_f32_s32(vaddq_s32(exponent, one))
                };
            }
            out
        }
    }
}
