//! Resizing: the formula, the edges, and the same bytes on every processor.
#![allow(unsafe_code)]

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{
    CpuExtensions, Filter, FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
};
use proptest::prelude::*;
use windrow::dataset::{Tensor, Transform};
use windrow::spec::ops::{Resize, ResizeFilter};

use super::{hash, through};
use crate::spy::most_in_use;

fn noise(shape: &[u64]) -> Tensor {
    let count = shape.iter().product::<u64>();
    let bytes: Vec<u8> =
        (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    Tensor::from_slice(shape, &bytes).unwrap()
}

fn resized(tensor: Tensor, height: u32, width: u32, filter: ResizeFilter) -> Tensor {
    through(&Resize::new("x", height, width).filter(filter), tensor).unwrap()
}

/// The weight of a distance, from the standard library's sine.
fn weight(filter: ResizeFilter, x: f64) -> f64 {
    let sinc = |x: f64| {
        if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) }
    };
    match filter {
        ResizeFilter::Bilinear => (1.0 - x.abs()).max(0.0),
        ResizeFilter::Lanczos3 if x.abs() < 3.0 => sinc(x) * sinc(x / 3.0),
        ResizeFilter::Lanczos3 => 0.0,
        other => panic!("no formula for {other:?}"),
    }
}

/// The same along one axis, by the formula.
fn along(filter: ResizeFilter, row: &[f64], to: usize) -> Vec<f64> {
    let scale = row.len() as f64 / to as f64;
    let stretch = scale.max(1.0);
    let place = |at: usize| {
        let center = (at as f64 + 0.5) * scale;
        let weights: Vec<f64> = (0..row.len())
            .map(|from| weight(filter, (from as f64 + 0.5 - center) / stretch))
            .collect();
        let sum: f64 = weights.iter().sum();
        row.iter().zip(&weights).map(|(x, weight)| x * weight).sum::<f64>() / sum
    };
    (0..to).map(place).collect()
}

#[test]
fn pixels_are_weighed_as_the_formula_says() {
    for filter in [ResizeFilter::Bilinear, ResizeFilter::Lanczos3] {
        for (height, width, to_height, to_width) in [
            (8, 8, 32, 32),
            (59, 101, 20, 30),
            (5, 7, 7, 5),
            (1, 1, 3, 4),
            (40, 3, 1, 1),
            (9, 9, 9, 4),
        ] {
            let tensor = noise(&[height, width]);
            let rows = tensor.bytes().chunks(width as usize);
            let rows: Vec<Vec<f64>> =
                rows.map(|row| row.iter().map(|&x| x.into()).collect()).collect();
            // One axis after the other, with whole numbers from 0 to 255 in between.
            type Step<'a> = &'a dyn Fn(&[Vec<f64>]) -> Vec<Vec<f64>>;
            let want = |first: Step<'_>, then: Step<'_>| {
                let mut between = first(&rows);
                between.iter_mut().flatten().for_each(|x| *x = x.round().clamp(0.0, 255.0));
                then(&between).concat()
            };
            let wide = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                rows.iter().map(|row| along(filter, row, to_width)).collect()
            };
            let turned = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                (0..rows[0].len()).map(|x| rows.iter().map(|row| row[x]).collect()).collect()
            };
            let high = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                let columns = turned(rows);
                let columns: Vec<_> = columns.iter().map(|c| along(filter, c, to_height)).collect();
                turned(&columns)
            };
            let wants = [want(&wide, &high), want(&high, &wide)];
            let got = resized(tensor, to_height as u32, to_width as u32, filter);
            let off = wants.map(|want| {
                let pairs = got.bytes().iter().zip(&want);
                let off = pairs.map(|(&got, want)| (f64::from(got) - want.clamp(0.0, 255.0)).abs());
                off.fold(0.0, f64::max)
            });
            assert!(off[0].min(off[1]) < 1.5, "{filter:?} {height}x{width}: off by {off:?}");
        }
    }
}

#[test]
fn channels_are_resized_each_by_itself() {
    for channels in 1..=4u64 {
        let tensor = noise(&[11, 13, channels]);
        let whole = resized(tensor.clone(), 7, 20, ResizeFilter::Lanczos3);
        assert_eq!(whole.shape(), [7, 20, channels]);
        for channel in 0..channels as usize {
            let of = |tensor: &Tensor| -> Vec<u8> {
                tensor.bytes().iter().skip(channel).step_by(channels as usize).copied().collect()
            };
            let plane = Tensor::from_slice([11, 13], &of(&tensor)).unwrap();
            let plane = resized(plane, 7, 20, ResizeFilter::Lanczos3);
            assert_eq!(plane.bytes(), of(&whole), "channel {channel} of {channels}");
        }
    }
}

#[test]
fn a_size_that_takes_far_more_memory_than_the_picture_is_refused() {
    for (shape, height, width) in [([1, 1 << 20], 1 << 12, 1), ([1, (1 << 20) + 1], 1, 1)] {
        let tensor = Tensor::from_slice(shape, &vec![7u8; (shape[0] * shape[1]) as usize]).unwrap();
        let mut why = String::new();
        let most = most_in_use(|| {
            why = through(&Resize::new("x", height, width), tensor).err().unwrap_or_default();
        });
        let says =
            format!("{} by {} pixels to {height} by {width}: a side may", shape[0], shape[1]);
        assert!(why.contains(&says) && why.ends_with("or cut the picture"), "{why}");
        assert!(most < 1 << 16, "{most} bytes for {shape:?}");
    }
    let long = Tensor::from_slice([1, 1 << 20], &vec![7u8; 1 << 20]).unwrap();
    for filter in [ResizeFilter::Bilinear, ResizeFilter::Lanczos3] {
        let most = most_in_use(|| assert_eq!(resized(long.clone(), 3, 2, filter).bytes(), [7; 6]));
        assert!(most < 150 << 20, "{most} bytes");
    }
}

#[test]
fn the_bytes_are_pinned() {
    let got = [ResizeFilter::Bilinear, ResizeFilter::Lanczos3].map(|filter| {
        let sizes = [(32, 32), (64, 200), (1, 1), (59, 33)];
        let tensors =
            sizes.map(|(height, width)| resized(noise(&[59, 101, 3]), height, width, filter));
        tensors.map(|tensor| hash(&tensor)).join(" ")
    });
    assert_eq!(
        got,
        [
            "5d4a88d412bae4ca 5588659e794e2692 ffc7ca3d802a2f4d bf9a30a88c267346",
            "32ff0d9460d62d0d 5fd56aea37be9299 d201295689d9e351 8dcad876850e4a11",
        ]
    );
}

#[test]
fn a_picture_of_the_size_is_not_copied_and_what_is_none_is_refused() {
    let tensor = noise(&[4, 5, 3]);
    let same = resized(tensor.clone(), 4, 5, ResizeFilter::Lanczos3);
    assert_eq!(same.bytes().as_ptr(), tensor.bytes().as_ptr());
    for tensor in [
        noise(&[4]),
        noise(&[4, 5, 5]),
        noise(&[4, 5, 0]),
        noise(&[0, 5, 3]),
        noise(&[1, 2, 3, 1]),
        Tensor::from_slice([1, 2], &[1f32, 2.0]).unwrap(),
        Tensor::new(windrow::dataset::Dtype::U8, [1 << 33, 0, 1], &[]).unwrap(),
    ] {
        let why = through(&Resize::new("x", 2, 2), tensor.clone()).unwrap_err();
        assert!(
            why.contains("expected a picture, U8 of shape [height, width] or"),
            "{tensor:?}: {why}"
        );
    }
}

#[test]
fn options_are_checked_and_described() {
    let read = |json: &str| serde_json::from_str::<Resize>(json);
    let resize = read(r#"{"field":"x","height":2,"width":3,"filter":"lanczos3"}"#).unwrap();
    assert_eq!(resize, Resize::new("x", 2, 3).filter(ResizeFilter::Lanczos3));
    assert_eq!(resize.op().to_string(), "resize(field=x,height=2,width=3,filter=lanczos3)");
    assert_eq!(read(r#"{"field":"x","height":2,"width":3}"#).unwrap(), Resize::new("x", 2, 3));
    for bad in [r#""filter":"cubic""#, r#""height":-1"#, r#""depth":1"#] {
        assert!(read(&format!(r#"{{"field":"x","width":3,{bad}}}"#)).is_err());
    }
    assert_eq!(Resize::new("x", 1 << 20, 64).validate(), Ok(()));
    for (height, width) in
        [(0, 1), (1, 0), (u32::MAX, u32::MAX), (8193, 8192), (1, (1 << 20) + 1), (1 << 24, 1)]
    {
        let why = Resize::new("x", height, width).validate().unwrap_err();
        assert!(
            why.ends_with("1 to 1048576 pixels, and at most 67108864 pixels together"),
            "{why}"
        );
    }
}

/// The same with one kind of processor.
fn with<P: PixelTrait>(
    cpu: CpuExtensions,
    filter: FilterType,
    from: &Tensor,
    to: &mut [u8],
    size: (u32, u32),
) {
    let shape = from.shape();
    let image =
        TypedImageRef::<P>::from_buffer(shape[1] as u32, shape[0] as u32, from.bytes()).unwrap();
    let mut out = TypedImage::<P>::from_buffer(size.1, size.0, to).unwrap();
    let mut resizer = Resizer::new();
    // SAFETY: only what this processor has is asked for.
    unsafe { resizer.set_cpu_extensions(cpu) };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    resizer.resize_typed(&image, &mut out, &options).unwrap();
}

/// What this processor has.
fn processors() -> Vec<CpuExtensions> {
    #[cfg(target_arch = "x86_64")]
    let all = [CpuExtensions::None, CpuExtensions::Sse4_1, CpuExtensions::Avx2];
    #[cfg(target_arch = "aarch64")]
    let all = [CpuExtensions::None, CpuExtensions::Neon];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let all = [CpuExtensions::None];
    all.into_iter().filter(CpuExtensions::is_supported).collect()
}

fn lanczos3(x: f64) -> f64 {
    let sinc = |x: f64| {
        if x == 0.0 {
            1.0
        } else {
            libm::sin(x * std::f64::consts::PI) / (x * std::f64::consts::PI)
        }
    };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_kind_of_processor_gives_the_same_bytes(
        height in 1u64..70, width in 1u64..70, channels in 1u64..=4,
        to in (1u32..90, 1u32..90),
        sharp: bool,
        extremes: bool,
        seed: u32,
    ) {
        let bytes: Vec<u8> = (0..(height * width * channels) as u32)
            .map(|i| (i ^ seed).wrapping_mul(2_654_435_761) >> 24)
            .map(|x| if extremes { (x as u8 & 1).wrapping_neg() } else { x as u8 })
            .collect();
        let tensor = Tensor::from_slice([height, width, channels], &bytes).unwrap();
        let (ours, filter) = match sharp {
            true => (ResizeFilter::Lanczos3, FilterType::Custom(Filter::new("lanczos3", lanczos3, 3.0).unwrap())),
            false => (ResizeFilter::Bilinear, FilterType::Bilinear),
        };
        let want = resized(tensor.clone(), to.0, to.1, ours);
        for cpu in processors() {
            let mut got = vec![0; want.bytes().len()];
            match channels {
                1 => with::<U8>(cpu, filter, &tensor, &mut got, to),
                2 => with::<U8x2>(cpu, filter, &tensor, &mut got, to),
                3 => with::<U8x3>(cpu, filter, &tensor, &mut got, to),
                _ => with::<U8x4>(cpu, filter, &tensor, &mut got, to),
            }
            prop_assert!(got == want.bytes(), "{cpu:?}");
        }
    }
}
