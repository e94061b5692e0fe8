//! The suite of the target port.

use towpath_testkit::conformance::target as suite;

use crate::bed::Bed;

macro_rules! conforms {
    ($($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let bed = Bed::new();
                suite::$name(&bed).await;
                bed.end().await;
            }
        )+
    };
}

conforms! {
    starts_what_is_declared,
    the_same_again_changes_nothing,
    the_highest_index_goes_first,
    what_is_removed_ends_and_may_come_back,
    revisions_are_apart,
    what_never_answers_is_never_ready,
    ends_in_a_row_are_a_crash_loop,
    what_ignores_its_end_is_killed,
    logs_are_read_by_position,
}
