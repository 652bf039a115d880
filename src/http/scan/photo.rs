//! Codes in a photo: a picture from a stranger, so its header is read before memory is used for it.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::imageops::thumbnail;
use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits};
use rxing::helpers::detect_multiple_in_luma_with_hints;
use rxing::{BarcodeFormat, DecodeHints};
use serde::{Deserialize, Serialize};

/// Pixels of a photo: what a phone takes unless told otherwise. Decoded they are 100 MB at most.
pub const PIXELS_MAX: u64 = 25_000_000;

/// Bytes that decoding one may take.
const DECODED_BYTES_MAX: u64 = 160 * 1024 * 1024;

/// The longer side at which codes are looked for, the smaller one first: it finds most, and fast. A code too fine for the
/// second is too fine for a shopper's next try as well.
const SIDES: [u32; 2] = [1_000, 2_200];

/// Codes of one photo that are told.
const CODES_MAX: usize = 10;

/// Why a photo could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhotoError {
    NotAnImage,
    TooLarge,
    Damaged,
    /// Decoding it was ended: it took more time or memory than a picture may.
    TooCostly,
}

/// The texts of the codes in a photo, each once.
pub fn codes(bytes: &[u8]) -> Result<Vec<String>, PhotoError> {
    let gray = read(bytes)?;
    for (nth, side) in SIDES.iter().enumerate() {
        let found = codes_in(shrunk(&gray, *side));
        let was_smaller = nth == 0 && gray.width().max(gray.height()) <= *side;
        if !found.is_empty() || was_smaller {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn read(bytes: &[u8]) -> Result<GrayImage, PhotoError> {
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| PhotoError::NotAnImage);
    let format = reader()?.format();
    if !matches!(format, Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) {
        return Err(PhotoError::NotAnImage);
    }
    let (width, height) = reader()?.into_dimensions().map_err(|_| PhotoError::Damaged)?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PhotoError::TooLarge);
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    // A decoder that stumbles over a stranger's bytes has found out that they are damaged.
    let decoded = catch_unwind(AssertUnwindSafe(|| reader.decode()));
    let picture = decoded.map_err(|_| PhotoError::Damaged)?.map_err(|error| match error {
        image::ImageError::Limits(_) => PhotoError::TooLarge,
        _ => PhotoError::Damaged,
    })?;
    Ok(on_white(&picture))
}

/// In gray, and on white where the picture is transparent: a label without a background is drawn so.
fn on_white(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    let with_alpha = picture.to_luma_alpha8();
    let mut gray = GrayImage::new(with_alpha.width(), with_alpha.height());
    for (to, from) in gray.pixels_mut().zip(with_alpha.pixels()) {
        let [luma, alpha] = from.0;
        let blended = (u32::from(luma) * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255;
        to.0 = [u8::try_from(blended).unwrap_or(u8::MAX)];
    }
    gray
}

fn shrunk(gray: &GrayImage, side: u32) -> GrayImage {
    let longer = gray.width().max(gray.height());
    if longer <= side {
        return gray.clone();
    }
    let scaled =
        |length: u32| u32::try_from(u64::from(length) * u64::from(side) / u64::from(longer)).unwrap_or(side).max(1);
    thumbnail(gray, scaled(gray.width()), scaled(gray.height()))
}

fn codes_in(gray: GrayImage) -> Vec<String> {
    let (width, height) = gray.dimensions();
    if width == 0 || height == 0 {
        return Vec::new();
    }
    // UPC-E is left out: its eight digits look like another product's GTIN-8.
    let formats = [
        BarcodeFormat::QR_CODE,
        BarcodeFormat::DATA_MATRIX,
        BarcodeFormat::EAN_13,
        BarcodeFormat::EAN_8,
        BarcodeFormat::UPC_A,
        BarcodeFormat::CODE_128,
    ];
    let mut hints = DecodeHints {
        PossibleFormats: Some(formats.into_iter().collect()),
        AlsoInverted: Some(true),
        ..DecodeHints::default()
    };
    let look = AssertUnwindSafe(|| detect_multiple_in_luma_with_hints(gray.into_raw(), width, height, &mut hints));
    let Ok(Ok(found)) = catch_unwind(look) else { return Vec::new() };
    let mut texts: Vec<String> = Vec::new();
    for code in found {
        let text = code.getText().to_owned();
        if !texts.contains(&text) && texts.len() < CODES_MAX {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use qrcode::QrCode;

    use super::*;

    /// Codes beside each other on white, as PNG.
    fn photo(texts: &[&str], scale: u32) -> Vec<u8> {
        let drawn: Vec<GrayImage> = texts
            .iter()
            .map(|text| {
                let code = QrCode::new(text).unwrap();
                let (width, dark) = (code.width() as u32, code.to_colors());
                let side = (width + 8) * scale;
                GrayImage::from_fn(side, side, |x, y| {
                    let (x, y) = ((x / scale).wrapping_sub(4), (y / scale).wrapping_sub(4));
                    let inside = x < width && y < width;
                    Luma([if inside && dark[(y * width + x) as usize] == qrcode::Color::Dark { 20 } else { 235 }])
                })
            })
            .collect();
        let width = drawn.iter().map(GrayImage::width).sum::<u32>().max(50);
        let height = drawn.iter().map(GrayImage::height).max().unwrap_or(50);
        let mut whole = GrayImage::from_pixel(width, height, Luma([235]));
        let mut left = 0;
        for code in &drawn {
            image::imageops::replace(&mut whole, code, left, 0);
            left += i64::from(code.width());
        }
        png(&DynamicImage::ImageLuma8(whole))
    }

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn reads_one_code_and_two_and_none() {
        let link = "https://id.gs1.org/01/09506000134352/21/A1";
        assert_eq!(codes(&photo(&[link], 6)).unwrap(), [link]);
        let mut two = codes(&photo(&[link, "https://shop.example/"], 6)).unwrap();
        two.sort();
        assert_eq!(two, [link, "https://shop.example/"]);
        assert_eq!(codes(&photo(&[], 6)).unwrap(), Vec::<String>::new());
        // A large photo of a small code.
        let mut wide = GrayImage::from_pixel(2_600, 1_900, Luma([200]));
        let small = image::load_from_memory(&photo(&[link], 8)).unwrap().to_luma8();
        image::imageops::replace(&mut wide, &small, 900, 700);
        assert_eq!(codes(&png(&DynamicImage::ImageLuma8(wide))).unwrap(), [link]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert_eq!(codes(b"hello"), Err(PhotoError::NotAnImage));
        assert_eq!(codes(b""), Err(PhotoError::NotAnImage));
        assert_eq!(codes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"), Err(PhotoError::NotAnImage));
        let whole = photo(&["https://id.gs1.org/01/09506000134352/21/A1"], 6);
        assert_eq!(codes(&whole[..40]), Err(PhotoError::Damaged));
        assert_eq!(codes(&whole[..whole.len() / 2]), Err(PhotoError::Damaged));
    }

    /// A PNG of some hundred bytes that would decode to four gigabytes.
    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut bomb = photo(&["x"], 2);
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        // The header's own checksum, so that nothing else can be what is refused.
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(codes(&bomb), Err(PhotoError::TooLarge));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
