//! Conversion of the channels of a file to the requested ones.

/// Converts every pixel from `from` channels to `to` channels.
///
/// Both are 1 to 4, and `out` has room for the pixels of `bytes`.
pub(super) fn convert(from: u8, bytes: &[u8], to: u8, out: &mut [u8]) {
    if from == to {
        return out.copy_from_slice(bytes);
    }
    let pixels = bytes.chunks_exact(from.into()).zip(out.chunks_exact_mut(to.into()));
    match (from, to) {
        (1 | 2, 3) => pixels.for_each(|(from, to)| to.fill(from[0])),
        (1 | 2, 4) => pixels.for_each(|(from, to)| {
            to[..3].fill(from[0]);
            to[3] = from.get(1).copied().unwrap_or(255);
        }),
        (3, 4) => pixels.for_each(|(from, to)| {
            to[..3].copy_from_slice(from);
            to[3] = 255;
        }),
        (4, 3) => pixels.for_each(|(from, to)| to.copy_from_slice(&from[..3])),
        (3 | 4, _) => pixels.for_each(|(from, to)| to[0] = gray(from)),
        _ => pixels.for_each(|(from, to)| to[0] = from[0]),
    }
}

/// Returns the brightness of a colour, by the weights of ITU-R BT.601 in 65,536ths.
fn gray(rgb: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(rgb[channel]));
    ((19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(from: u8, bytes: &[u8], to: u8) -> Vec<u8> {
        let mut out = vec![7; bytes.len() / usize::from(from) * usize::from(to)];
        convert(from, bytes, to, &mut out);
        out
    }

    #[test]
    fn channels_become_others_as_documented() {
        let pixels = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];
        for (from, to, want) in [
            (1, 3, &[10, 10, 10, 20, 20, 20][..]),
            (1, 4, &[10, 10, 10, 255, 20, 20, 20, 255]),
            (2, 1, &[10, 30, 50]),
            (2, 3, &[10, 10, 10, 30, 30, 30]),
            (2, 4, &[10, 10, 10, 20, 30, 30, 30, 40]),
            (3, 1, &[18, 48]),
            (3, 4, &[10, 20, 30, 255, 40, 50, 60, 255]),
            (4, 1, &[18, 58]),
            (4, 3, &[10, 20, 30, 50, 60, 70]),
            (4, 4, &pixels),
        ] {
            assert_eq!(converted(from, &pixels, to)[..want.len()], *want, "{from} to {to}");
        }
        assert_eq!(converted(3, &[255, 255, 255, 0, 0, 0, 255, 0, 0], 1), [255, 0, 76]);
    }
}
