//! Images go to Google as bytes, videos as the id that YouTube gave them.

use serde_json::{Value, json};

use super::Google;
use crate::domain::draft::Medium;
use crate::platforms::PlatformError;
use crate::platforms::credentials::Credentials;
use crate::platforms::fetch::{self, Sources};

/// Largest image Google takes: 5120 KB.
const LARGEST: usize = 5_120 * 1_024;

/// The asset of a medium, still without a name.
///
/// # Errors
/// [`PlatformError::Unsupported`] for a video that is not on YouTube, else as the fetch of an image.
pub(super) async fn asset(google: &Google, medium: &Medium) -> Result<Value, PlatformError> {
    match medium {
        Medium::Image { url } => {
            let sources = if matches!(google.spec.credentials, Credentials::Sandbox) { Sources::PublicAndThisMachine } else { Sources::Public };
            Ok(json!({ "imageAsset": { "data": base64(&fetch::image(url, sources, LARGEST).await?) } }))
        }
        Medium::Youtube { id } if is_youtube(id) => Ok(json!({ "youtubeVideoAsset": { "youtubeVideoId": id } })),
        Medium::Youtube { id } => Err(PlatformError::Validation(format!("`{id}` is no YouTube video: expected its eleven characters"))),
        Medium::Video { .. } => Err(PlatformError::Unsupported("video by address: Google takes videos that stand on YouTube, by their id".to_owned())),
    }
}

fn is_youtube(id: &str) -> bool {
    id.len() == 11 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Bytes as JSON carries them.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[usize::try_from((group >> (18 - 6 * place)) & 63).unwrap_or(0)];
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_are_written_as_every_reader_of_base64_expects() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(b"\x89PNG\r\n\x1a\n"), "iVBORw0KGgo=");
    }
}
