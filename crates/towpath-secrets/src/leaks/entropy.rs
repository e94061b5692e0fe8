//! How evenly the bytes of a text are spread.

/// Returns Shannon's entropy in bits per byte, from 0 (one byte repeated) to 8.
pub(super) fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| {
        let p = f64::from(*count) / all;
        -p * p.log2()
    };
    counts.iter().filter(|count| **count > 0).map(share).sum()
}
