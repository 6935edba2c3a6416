import HeroModel

/// The reasons of standalone actions; those for changed fields come from `PlanBuilder.fieldReason`.
enum StandaloneReasons {
    static let noRecord = Reason(.unchanged, "it has no record")

    static let alreadyPaused = Reason(.unchanged, "it is already paused")

    static func stoppedByDown(pausesSchedule: Bool) -> Reason {
        Reason(.wantedStop, pausesSchedule ? "`down` stops it and pauses its schedule" : "`down` stops it")
    }

    static func undeclared(isPruned: Bool) -> Reason {
        Reason(.undeclared, "no manifest declares it any more" + (isPruned ? "" : ", and pruning is off"))
    }

    static func neverApplied(_ location: ManifestLocation) -> Reason {
        reason(.declared, "it is declared and was never applied", location)
    }

    static func noLongerStandalone(_ location: ManifestLocation) -> Reason {
        reason(.wantedStop, "it has neither `schedule` nor `run_on` any more", location)
    }

    static func scheduleResumed(_ location: ManifestLocation) -> Reason {
        reason(.wantedStart, "its schedule was paused and is resumed", location)
    }

    static func lastRunFailed(_ location: ManifestLocation) -> Reason {
        reason(.notRunning, "its last run failed, and it runs again", location)
    }

    static func kept(isRunPending: Bool, _ location: ManifestLocation) -> Reason {
        let text = isRunPending ? "its run has not started yet" : "it matches its manifest"
        return Reason(.unchanged, text, at: location)
    }

    private static func reason(_ code: Reason.Code, _ text: String, _ location: ManifestLocation) -> Reason {
        Reason(code, text + PlanBuilder.locationSuffix(location), at: location)
    }
}
