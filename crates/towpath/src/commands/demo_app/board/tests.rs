//! The board's forms, page and configuration.

use super::*;

#[test]
fn a_form_is_read_with_its_escapes() {
    assert_eq!(notice("text=Two+words%21").as_deref(), Some("Two words!"));
    assert_eq!(notice("a=b&text=caf%C3%A9").as_deref(), Some("café"));
    for wrong in ["", "text=", "text=+", "text=%", "text=%4", "text=%zz", "text=%ff", "title=x"] {
        assert_eq!(notice(wrong), None, "{wrong}");
    }
}

#[test]
fn what_people_write_is_no_markup() {
    let board = Board {
        school: "A & B".to_owned(),
        page: "{{school}}|{{notices}}".to_owned(),
        notices: Mutex::new(VecDeque::from(["<script>".to_owned()])),
        mail: Mail::Log,
        delay: Duration::ZERO,
    };
    assert_eq!(board.html(), "A &amp; B|<li>&lt;script&gt;</li>\n");
    for number in 0..30 {
        board.add(number.to_string());
    }
    assert_eq!(board.lock().len(), MOST);
    assert_eq!(board.lock().front().map(String::as_str), Some("29"));
}

#[test]
fn mail_goes_where_the_configuration_says() {
    assert_eq!(Mail::new("log:"), Ok(Mail::Log));
    assert_eq!(Mail::new("smtp://mail:25"), Ok(Mail::Smtp("mail:25".to_owned())));
    assert!(Mail::new("http://mail").unwrap_err().contains("MAIL_URL"));
}
