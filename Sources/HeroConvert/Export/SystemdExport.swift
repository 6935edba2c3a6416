public import HeroModel
internal import HeroSchedule

/// Writes services as unit files of systemd.
public struct SystemdExport {
    private let desired: DesiredState
    private let names: Set<QualifiedName>
    private var state = ExportState()

    /// Converts the services and standalone actions with these names; all of them if there are none.
    public static func convert(_ desired: DesiredState, names: Set<QualifiedName>) -> ImportResult {
        var export = SystemdExport(desired: desired, names: names)
        for (name, service) in desired.services.sorted(by: { $0.key < $1.key }) where export.isWanted(name) {
            export.add(service)
        }
        for (name, action) in desired.actions.sorted(by: { $0.key < $1.key }) where export.isWanted(name) {
            guard action.spec.isStandalone else { continue }
            export.add(name, action)
        }
        return export.state.result()
    }

    private init(desired: DesiredState, names: Set<QualifiedName>) {
        self.desired = desired
        self.names = names
    }

    private func isWanted(_ name: QualifiedName) -> Bool { names.isEmpty || names.contains(name) }

    /// The name of the unit of a service or an action.
    private static func unitName(_ name: QualifiedName) -> String {
        name.context == QualifiedName.defaultContext ? name.name : "\(name.context)-\(name.name)"
    }

    /// The names of the units of a service: one for each process, or one for all its one-shots.
    private func units(of name: QualifiedName) -> [String] {
        guard let service = desired.services[name]?.spec else { return [] }
        let processes = service.actions.filter(\.isProcess)
        if processes.count < 2 { return [Self.unitName(name)] }
        return processes.map { "\(Self.unitName(name))-\($0.name)" }
    }

    // MARK: Services

    private mutating func add(_ declared: Declared<ServiceSpec>) {
        let service = declared.spec
        let processes = service.actions.filter(\.isProcess)
        let names = units(of: service.name)
        if service.status == .spec {
            return report(declared, "status", .noCounterpart, "no unit is written for a definition that never runs")
        }
        if processes.count > 1 {
            report(declared, "actions", .copies, "one unit for each of the processes \(names.joined(separator: ", "))")
        }
        for (index, unit) in names.enumerated() {
            var text = "[Unit]\n"
            text += "Description=\(SystemdQuoting.line(service.description.isEmpty ? unit : service.description))\n"
            text += relations(declared)
            var writer = SystemdUnitWriter(service: service, declared: declared)
            let started = service.actions.filter { $0.occasion == .start }
            if processes.isEmpty {
                writer.writeOneShots(started)
            } else {
                let main = processes[index]
                let position = started.firstIndex { $0.name == main.name } ?? 0
                // The one-shots belong to the first unit only.
                let others = index == 0 ? started : []
                writer.write(
                    main,
                    before: others.enumerated().filter { $0.offset < position && !$0.element.isProcess }.map(\.element),
                    after: others.enumerated().filter { $0.offset > position && !$0.element.isProcess }.map(\.element)
                )
            }
            if index == 0 { writer.writeStopped(service.actions.filter { $0.occasion == .stopped }) }
            text += writer.unitLines + "\n[Service]\n" + writer.lines
            if service.status == .start {
                text += "\n[Install]\nWantedBy=multi-user.target\n"
            } else {
                report(declared, "status", .manualStart, "no `[Install]` section: enable the unit by hand")
            }
            writer.moveReport(to: &state)
            state.files.append(GeneratedFile(name: unit + ".service", text: text))
        }
    }

    private mutating func relations(_ declared: Declared<ServiceSpec>) -> String {
        let service = declared.spec
        var after: [String] = []
        var text = ""
        for (key, targets) in [
            ("Requires", service.requirements.filter(\.cascades).map(\.service)),
            ("Wants", service.requirements.filter { !$0.cascades }.map(\.service) + service.wants),
            ("Conflicts", service.conflicts),
        ] {
            let units = targets.flatMap { self.units(of: $0) }.map { $0 + ".service" }
            guard !units.isEmpty else { continue }
            text += "\(key)=\(units.joined(separator: " "))\n"
            if key != "Conflicts" { after += units }
            if key == "Requires" {
                report(declared, "requires", .requiresCascade, "`Requires=` and `After=`; a crash of it stops this one")
            } else {
                state.countExact()
            }
        }
        if service.requirements.contains(where: { !$0.cascades || $0.until != .up }) {
            let text = "`cascade: false` is `Wants=` and `After=`; systemd waits until the start of a unit is over"
            report(declared, "requires", .valueAdapted, text)
        }
        after += service.after.flatMap { units(of: $0) }.map { $0 + ".service" }
        if !after.isEmpty { text += "After=\(after.joined(separator: " "))\n" }
        return text
    }

    private mutating func report(_ declared: Declared<ServiceSpec>, _ key: String, _ code: LossCode, _ text: String) {
        state.report("\(declared.spec.name.name).\(key)", code, text, at: declared.location(of: key))
    }

    // MARK: Standalone actions

    private mutating func add(_ name: QualifiedName, _ declared: Declared<ActionSpec>) {
        let unit = Self.unitName(name)
        let action = declared.spec
        var service = ServiceSpec(name, actions: [action])
        service.description = action.description
        let place = Declared(service, at: declared.location, locations: declared.locations)
        var writer = SystemdUnitWriter(service: service, declared: place)
        writer.writeOneShots([action], isScheduled: action.schedule != nil)
        var text =
            "[Unit]\nDescription=\(SystemdQuoting.line(action.description.isEmpty ? unit : action.description))\n"
        text += writer.unitLines + "\n[Service]\n" + writer.lines
        writer.moveReport(to: &state)
        guard let schedule = action.schedule else {
            text += "\n[Install]\nWantedBy=multi-user.target\n"
            state.files.append(GeneratedFile(name: unit + ".service", text: text))
            return report(place, "run_on", .restartAfterExit, "it runs at every boot, not once per change")
        }
        state.files.append(GeneratedFile(name: unit + ".service", text: text))
        var timer = "[Unit]\nDescription=Timer of \(unit)\n\n[Timer]\n"
        switch schedule.timing {
        case .cron(let cron):
            for calendar in SystemdQuoting.calendars(of: cron.text) {
                timer += "OnCalendar=\(calendar) \(schedule.timeZone)\n"
            }
            timer += "AccuracySec=1s\n"
            state.countExact()
        case .every(let interval):
            let seconds = SystemdQuoting.duration(interval)
            timer += "OnActiveSec=\(seconds)\nOnUnitActiveSec=\(seconds)\nAccuracySec=1s\n"
            state.countExact()
        }
        if schedule.overlap != .skip {
            report(place, "schedule.overlap", .noCounterpart, "a timer never starts a second run")
        }
        timer += "\n[Install]\nWantedBy=timers.target\n"
        state.files.append(GeneratedFile(name: unit + ".timer", text: timer))
    }
}
