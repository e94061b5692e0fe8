//! Calls of the API about schedules of flags.

use towpath_server::api::types::{AnswerSchedule, FlagScheduleList, FlagScheduleView, RampFlag, ScheduleFlag};

use super::{Client, escape};
use crate::failure::Failure;

impl Client {
    pub(crate) async fn flag_schedules(&self, environment: Option<&str>) -> Result<FlagScheduleList, Failure> {
        match environment {
            Some(environment) => self.get(&path(environment, "schedules"), &[]).await,
            None => self.get("/api/v1/flags/schedules", &[]).await,
        }
    }

    pub(crate) async fn schedule_flag(
        &self,
        environment: &str,
        body: &ScheduleFlag,
    ) -> Result<FlagScheduleView, Failure> {
        Ok(self.post(&path(environment, "schedules"), body).await?.1)
    }

    pub(crate) async fn ramp_flag(&self, environment: &str, body: &RampFlag) -> Result<FlagScheduleView, Failure> {
        Ok(self.post(&path(environment, "ramps"), body).await?.1)
    }

    /// Agrees to a schedule (`approve`) or takes it back (`cancel`).
    pub(crate) async fn answer_schedule(
        &self,
        environment: &str,
        (number, verb): (&str, &str),
        body: &AnswerSchedule,
    ) -> Result<FlagScheduleView, Failure> {
        Ok(self.post(&path(environment, &format!("schedules/{}/{verb}", escape(number))), body).await?.1)
    }
}

fn path(environment: &str, rest: &str) -> String {
    format!("/api/v1/environments/{}/flags/{rest}", escape(environment))
}
