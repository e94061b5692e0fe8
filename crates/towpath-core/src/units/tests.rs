//! Tests of `units`.
use proptest::prelude::*;

use super::*;

#[test]
fn people_write_quantities_in_many_ways() {
    assert_eq!("1h30m".parse(), Ok(Millis(5_400_000)));
    assert_eq!("250ms".parse(), Ok(Millis(250)));
    assert_eq!("0".parse(), Ok(Millis(0)));
    assert_eq!("512Mi".parse(), Ok(Bytes(512 << 20)));
    assert_eq!("1500000".parse(), Ok(Bytes(1_500_000)));
    assert_eq!("250m".parse(), Ok(MilliCpu(250)));
    assert_eq!("0.5".parse(), Ok(MilliCpu(500)));
    assert_eq!("25%".parse(), Ok(Percent(25)));
}

#[test]
fn nonsense_is_refused_with_examples() {
    for text in ["", "ten minutes", "10", "10x", "-1s", "99999999999999999999s", "1d99999999999999999d"] {
        assert!(text.parse::<Millis>().is_err(), "{text}");
    }
    assert!("12Q".parse::<Bytes>().is_err());
    assert!("0.1234".parse::<MilliCpu>().is_err());
    assert!("101%".parse::<Percent>().is_err());
    let error = "soon".parse::<Millis>().map_err(|error| error.to_string());
    assert_eq!(error, Err("`soon` is not a duration such as `250ms`, `30s`, `10m`, `1h30m` or `2d`".to_owned()));
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(value: u64, cpu: u32, share in 0..=100_u8) {
        prop_assert_eq!(Millis(value).to_string().parse(), Ok(Millis(value)));
        prop_assert_eq!(Bytes(value).to_string().parse(), Ok(Bytes(value)));
        prop_assert_eq!(MilliCpu(cpu).to_string().parse(), Ok(MilliCpu(cpu)));
        prop_assert_eq!(Percent(share).to_string().parse(), Ok(Percent(share)));
    }
}
