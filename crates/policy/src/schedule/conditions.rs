//! When a due run has to wait for its machine.

use serde::{Deserialize, Serialize};

/// What to do while the machine runs on its battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Battery {
    /// Run all the same.
    #[default]
    Allow,
    /// Do not start a run.
    Avoid,
}

/// What must hold for a due run to start. What the machine cannot tell holds it back never.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// Whether runs start on battery.
    pub battery: Battery,
    /// The load average per core above which no run starts; 1 is a machine that is just busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_load: Option<f64>,
}

/// What a machine says about itself; `None` where it cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostState {
    /// Whether it runs on its battery.
    pub on_battery: Option<bool>,
    /// Its load average, divided by its cores.
    pub load_per_core: Option<f64>,
}

/// Why a due run waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WaitReason {
    /// The machine runs on its battery.
    #[error("the machine runs on its battery")]
    OnBattery,
    /// The machine is busy.
    #[error("the load per core is {load:.2}, above {limit:.2}")]
    Load {
        /// Its load average per core.
        load: f64,
        /// What the plan allows.
        limit: f64,
    },
}

impl Conditions {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a run may start on a machine in this state, or why it waits.
    pub fn judge(&self, host: &HostState) -> Result<(), WaitReason> {
        if self.battery == Battery::Avoid && host.on_battery == Some(true) {
            return Err(WaitReason::OnBattery);
        }
        match (host.load_per_core, self.max_load) {
            (Some(load), Some(limit)) if load > limit => Err(WaitReason::Load { load, limit }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_waits_for_mains_and_calm() {
        let conditions = Conditions { battery: Battery::Avoid, max_load: Some(1.5) };
        let host = |on_battery, load_per_core| HostState { on_battery, load_per_core };
        assert_eq!(conditions.judge(&host(Some(true), Some(0.1))), Err(WaitReason::OnBattery));
        let busy = conditions.judge(&host(Some(false), Some(2.0))).unwrap_err();
        assert_eq!(busy.to_string(), "the load per core is 2.00, above 1.50");
        assert_eq!(conditions.judge(&host(Some(false), Some(1.5))), Ok(()));
        assert_eq!(conditions.judge(&host(None, None)), Ok(()));
        assert_eq!(Conditions::default().judge(&host(Some(true), Some(99.0))), Ok(()));
    }
}
