/// Imports unit files of systemd.
struct SystemdImport {
    private let units: [SystemdUnit]

    /// Reads the files.
    static func read(into state: inout ImportState) throws(ImportError) {
        let units = try SystemdUnit.read(&state)
        let reader = SystemdImport(units: units)
        for unit in units where unit.kind == .service { try reader.addService(unit, &state) }
        for unit in units where unit.kind == .timer { reader.addTimer(unit, &state) }
        for unit in units where unit.kind == .socket { reader.addSocket(unit, &state) }
        for unit in units where unit.kind == .target {
            state.report(unit.place, .alreadySo, "not needed: every service with `status: start` is started")
        }
        reader.addReversedDependencies(&state)
    }

    private func addService(_ unit: SystemdUnit, _ state: inout ImportState) throws(ImportError) {
        let isNamed = unit.instance.map { !$0.isEmpty } ?? true
        let instance = isNamed ? unit.instance : unit.value("DefaultInstance")
        var name = unit.prefix
        if let instance, !instance.isEmpty { name += "-\(instance)" }
        var service = ImportedService(sourceName: name, place: unit.place, comments: unit.comments)
        if !isNamed {
            state.report(
                unit.place,
                .copies,
                "a template: written once; copy the manifest for each instance, and replace `${UNIT_INSTANCE}`"
            )
        }
        var reader = SystemdServiceReader(unit: unit, defaultInstance: unit.value("DefaultInstance"), units: units)
        reader.read(&service, &state)
        try state.add(service)
    }

    /// Returns the name of the service that belongs to a unit name such as `db.service`.
    static func serviceName(_ unit: String) -> String {
        let name = SystemdUnit.unescaped(unit.hasSuffix(".service") ? String(unit.dropLast(8)) : unit)
        let parts = name.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[1].isEmpty ? "\(parts[0])-\(parts[1])" : String(parts.first ?? "")
    }

    // MARK: Timers

    private func addTimer(_ unit: SystemdUnit, _ state: inout ImportState) {
        let target = unit.value("Unit").map(Self.serviceName) ?? Self.serviceName(unit.name)
        let index = state.services.firstIndex { $0.sourceName == target }
        if index == nil {
            state.report(
                unit.place,
                .outsideReference,
                "not written: the service `\(target)` of the timer is not given"
            )
        }
        var schedule = ManifestMap()
        for entry in unit.entries {
            switch (entry.section, entry.key) {
            case ("Timer", "OnCalendar"): readCalendar(entry, &schedule, &state)
            case ("Timer", "OnUnitActiveSec"), ("Timer", "OnUnitInactiveSec"):
                guard schedule.isEmpty, let time = SystemdText.milliseconds(entry.value), time >= 1000 else {
                    state.report(entry.place, .scheduleTimes, "not written: there is another rhythm already")
                    continue
                }
                schedule["every"] = .plain(DurationText.text(milliseconds: time))
                state.report(entry.place, entry.key, of: SystemdKeys.timer)
            case ("Timer", "Persistent") where SystemdText.bool(entry.value) == true:
                schedule["catch_up"] = .plain("true")
                state.countExact()
            case ("Timer", "Persistent") where SystemdText.bool(entry.value) == false: state.countExact()
            case ("Timer", "RandomizedDelaySec"):
                guard let time = SystemdText.milliseconds(entry.value) else { continue }
                schedule["jitter"] = .plain(DurationText.text(milliseconds: time))
                state.countExact()
            case ("Timer", "Unit"): state.countExact()
            case ("Timer", _): state.report(entry.place, entry.key, of: SystemdKeys.timer)
            case ("Install", _): state.report(entry.place, entry.key, of: SystemdKeys.install)
            case (_, "Description"): state.countExact()
            default: state.report(entry.place, entry.key, of: SystemdKeys.unit)
            }
        }
        guard let index else { return }
        makeStandalone(index, schedule, unit, &state)
    }

    private func readCalendar(_ entry: SystemdEntry, _ schedule: inout ManifestMap, _ state: inout ImportState) {
        if entry.value.isEmpty {
            schedule = ManifestMap()
            return state.countExact()
        }
        guard schedule.isEmpty else {
            return state.report(
                entry.place,
                .noCounterpart,
                "not written: an action has one schedule; add another action"
            )
        }
        guard let calendar = SystemdCalendar(entry.value) else {
            return state.report(entry.place, .noCounterpart, "not written: cron cannot express `\(entry.value)`")
        }
        schedule["cron"] = .text(calendar.cron)
        if let zone = calendar.zone, zone != "UTC" { schedule["timezone"] = .text(zone) }
        if calendar.zone != nil, !calendar.dropsSeconds { return state.countExact() }
        let seconds = calendar.dropsSeconds ? " without seconds" : ""
        let zone = calendar.zone == nil ? "; the time is UTC, write `timezone` for the local one" : ""
        state.report(entry.place, .scheduleTimes, "`schedule.cron: \(calendar.cron)`\(seconds)\(zone)")
    }

    /// Turns the service of a timer into an action with a schedule.
    private func makeStandalone(
        _ index: Int,
        _ schedule: ManifestMap,
        _ unit: SystemdUnit,
        _ state: inout ImportState
    ) {
        guard !schedule.isEmpty else {
            return state.report(unit.place, .valueMissing, "the service has no schedule: write `schedule` by hand")
        }
        guard state.services[index].actions.count == 1 else {
            return state.report(
                unit.place,
                .noCounterpart,
                "not written: an action with a schedule is one command; join the commands in a `script`"
            )
        }
        state.services[index].isStandalone = true
        state.services[index].status = nil
        state.services[index].actions[0].isProcess = false
        for key in ["ready", "health", "notify_from", "start_timeout", "pid_file"] {
            state.services[index].actions[0].keys[key] = nil
        }
        state.services[index].actions[0].keys["schedule"] = .map(schedule)
    }

    // MARK: Sockets and dependencies

    private func addSocket(_ unit: SystemdUnit, _ state: inout ImportState) {
        for entry in unit.entries {
            switch (entry.section, entry.key) {
            case ("Socket", "Accept") where SystemdText.bool(entry.value) == false: state.countExact()
            case ("Socket", _): state.report(entry.place, entry.key, of: SystemdKeys.socket)
            case ("Install", _): state.report(entry.place, entry.key, of: SystemdKeys.install)
            case (_, "Description"): state.countExact()
            default: state.report(entry.place, entry.key, of: SystemdKeys.unit)
            }
        }
    }

    /// `Before=` and `WantedBy=` of one unit are dependencies of the other one.
    private func addReversedDependencies(_ state: inout ImportState) {
        for unit in units where unit.kind == .service {
            let name = Self.serviceName(unit.name)
            for entry in unit.entries where entry.key == "Before" {
                for other in entry.value.split(separator: " ") where other.hasSuffix(".service") {
                    let target = Self.serviceName(String(other))
                    guard let index = state.services.firstIndex(where: { $0.sourceName == target }) else { continue }
                    state.services[index].dependencies.append(
                        ImportedDependency(kind: .after, target: name, place: entry.place)
                    )
                }
            }
        }
    }
}
