//! What the comparison without branches says is what comparing texts says.

use super::{Mark, is_same};

#[test]
fn texts_are_the_same_if_every_byte_is() {
    let whole = "abcdefghijklmnopqrst";
    let mut texts: Vec<String> = (0..=whole.len()).filter_map(|end| whole.get(..end).map(str::to_owned)).collect();
    for text in texts.clone() {
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            if let Some(byte) = other.get_mut(place) {
                *byte = b'0';
            }
            texts.extend(String::from_utf8(other));
        }
    }
    texts.extend(["\0", "\0\0", "\0\0\0", "ü", "ää", "€", "€€", "€€€"].map(str::to_owned));
    for one in &texts {
        for other in &texts {
            assert_eq!(is_same(one, other), one == other, "`{one}` and `{other}`");
            assert_eq!(Mark::is_among(&[Mark::of(one).kept()], Mark::of(other)), one == other, "`{one}` and `{other}`");
            assert_eq!(Mark::of(one).cmp(&Mark::of(other)).is_eq(), one == other, "`{one}` and `{other}`");
        }
    }
}
