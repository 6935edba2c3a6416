import HeroModel

/// The state of all services, as a table.
public struct StatusView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line per service, indented lines for actions that need attention, one line per standalone action, and a
    /// summary as the last line.
    public func text(_ report: StatusReport) -> String {
        let closing =
            storeOutageLine(report) + databaseLogLine(report) + safeModeLine(report) + repositoryLines(report)
            + refusedChangeLines(report) + unsupervisedLine(report) + summary(report) + "\n"
        guard !report.services.isEmpty || !report.standalone.isEmpty else { return closing }
        var table = Table([
            .init(heading: "STATE"), .init(heading: "NAME"), .init(heading: "PID", alignment: .right),
            .init(heading: "UP", alignment: .right), .init(heading: "RESTARTS", alignment: .right),
            .init(heading: "DETAIL", isElastic: true),
        ])
        let waiting = report.waitingServices
        for service in report.services {
            table.rows.append(row(service, isWaiting: waiting.contains(service.name), report.now))
            if showsActions(of: service) {
                table.rows += service.actions.map { row($0, report.now) }
            }
        }
        table.rows += report.standalone.map { row($0, report.now) }
        return table.text(style) + closing
    }

    /// A line with the reason why nothing can be recorded; empty if everything can be.
    private func storeOutageLine(_ report: StatusReport) -> String {
        guard let outage = report.storeOutage else { return "" }
        let consequence = "running services stay up, nothing new starts, and this status may be out of date"
        return style.paint("Degraded:", .red) + " \(outage.printable); \(consequence).\n"
    }

    /// A line about a write-ahead log that grows; empty without one.
    private func databaseLogLine(_ report: StatusReport) -> String {
        guard let log = report.databaseLog, let problem = log.problem else { return "" }
        return style.paint("Warning:", .yellow) + " \(problem.printable); \(log.help).\n"
    }

    /// A line with the reason why no changes are applied; empty if they are.
    private func safeModeLine(_ report: StatusReport) -> String {
        guard let safeMode = report.reconciler?.safeMode else { return "" }
        let consequence = "applied services stay up, and no changes are applied"
        return style.paint("Safe mode:", .red) + " \(consequence): \(safeMode.printable).\n"
    }

    /// The reason why the last change of the services directory is not applied, with its first errors; empty if it
    /// is applied.
    private func refusedChangeLines(_ report: StatusReport) -> String {
        guard let change = report.refusedChange else { return "" }
        let since = change.since.map { ", refused \($0.relative(to: report.now))" } ?? ""
        var lines = change.text.split(separator: "\n").map { String($0).printable }[...]
        let first = lines.popFirst() ?? ""
        // The text about a commit begins with the word itself.
        let label = first.hasPrefix("refused ") ? "Repository:" : "Refused:"
        let title =
            style.paint(label, .red) + " \(first) (the last change\(since); running services keep running)\n"
        return title + lines.map { "  \($0)\n" }.joined()
    }

    /// A line that warns of programs that nothing restarts; empty if there are none.
    private func unsupervisedLine(_ report: StatusReport) -> String {
        guard report.hasUnsupervisedPrograms else { return "" }
        return style.paint("Unsupervised:", .red)
            + " no reconciler is running, so nothing that ends is started again; `heroproc apply` starts one.\n"
    }

    /// The last line of a status, without its line feed.
    ///
    /// `5 services: 4 running, 1 failed. Revision 3, applied 2m ago; no reconciler is running.`
    public func summary(_ report: StatusReport) -> String {
        var text = counted(report.services.count, "service")
        let states = ServiceState.allCases.sorted { $0.rank < $1.rank }
        let onlyWaiting = report.waitingServices.count
        let counts = states.compactMap { state -> String? in
            let number = report.services.count { $0.state == state }
            let isNormal = state == .blocked && number == onlyWaiting
            return number == 0
                ? nil
                : style.paint(
                    "\(number) \(state.rawValue)",
                    isNormal ? ServiceState.starting.textStyle : state.textStyle
                )
        }
        if !counts.isEmpty { text += ": " + counts.joined(separator: ", ") }
        if !report.standalone.isEmpty {
            let actions = counted(report.standalone.count, "standalone action")
            text = report.services.isEmpty ? actions : "\(text); \(actions)"
        }
        if let revision = report.revision {
            text += ". Revision \(revision.number), applied \(revision.time.relative(to: report.now))"
        } else {
            text += ". Nothing was applied yet"
        }
        if let reconciler = report.reconciler {
            guard reconciler.pid > 0 else { return text + "; a reconciler is starting." }
            text += "; reconciler pid \(reconciler.pid) (\(reconciler.mode.printable) "
            return text + "\(reconciler.directory.printable))."
        }
        return text + "; " + style.paint("no reconciler is running", .yellow) + "."
    }

    // MARK: Rows

    private func row(_ service: ServiceStatus, isWaiting: Bool, _ now: WallTime) -> [Table.Cell] {
        let single = service.actions.count == 1 ? service.actions.first : nil
        let restarts = service.actions.reduce(0) { $0 &+ $1.restartCount }
        let up = service.state.isUp ? service.since.map { $0.elapsed(until: now).shortText } ?? "" : ""
        return [
            // The same word as in JSON; a service that only waits for its turn needs no attention.
            .init(service.state.rawValue, isWaiting ? ServiceState.starting.textStyle : service.state.textStyle),
            .init(service.name.description),
            .init(single?.pid.map { String($0) } ?? ""),
            .init(up),
            .init(service.actions.contains { $0.job != nil } ? String(restarts) : ""),
            .init(detail(service, now)),
        ]
    }

    private func row(_ action: ActionStatus, _ now: WallTime) -> [Table.Cell] {
        let up = action.pid == nil ? nil : action.startedAt?.elapsed(until: now).shortText
        return [
            .init("  " + (action.phase?.rawValue ?? "-"), action.phase?.textStyle ?? .dim),
            .init("  " + action.name),
            .init(action.pid.map { String($0) } ?? ""),
            .init(up ?? ""),
            .init(action.job == nil ? "" : String(action.restartCount)),
            .init(detail(action, now)),
        ]
    }

    private func row(_ standalone: StandaloneStatus, _ now: WallTime) -> [Table.Cell] {
        var cells = row(standalone.action, now)
        let idle = standalone.isPaused ? "paused" : standalone.nextRunAt == nil ? "-" : "scheduled"
        cells[0] = .init(standalone.action.phase?.rawValue ?? idle, standalone.action.phase?.textStyle ?? .dim)
        cells[1] = .init(standalone.name.description)
        cells[5] = .init(detail(standalone, now))
        return cells
    }

    /// Whether the actions show more than the line of their service.
    private func showsActions(of service: ServiceStatus) -> Bool {
        service.actions.count > 1
            || service.actions.contains { action in
                switch action.phase {
                case .retrying, .failed: true
                case .running: !action.isReady || action.isHealthy == false
                case .pending, .waiting: action.error != nil
                case .succeeded, .cancelled, nil: false
                }
            }
    }

    // MARK: Details

    private func detail(_ service: ServiceStatus, _ now: WallTime) -> String {
        var parts: [String] = []
        if !service.blockedBy.isEmpty {
            parts.append("waits for " + service.blockedBy.map(\.description).joined(separator: ", "))
        }
        if let text = service.onceText { parts.append(text) }
        if let deferred = service.deferred { parts.append(deferred.text(at: now)) }
        switch service.wanted {
        case .start: break
        case .stop where service.isStoppedByDown: parts.append("stopped by `down`; the next apply starts it")
        case .stop, .spec, .ignore: parts.append("status: \(service.wanted?.rawValue ?? "")")
        case nil: parts.append("not declared any more")
        }
        if !showsActions(of: service), let outcome = service.actions.first?.outcome, service.state == .running,
            service.actions.contains(where: { $0.restartCount > 0 })
        {
            parts.append("last outcome: \(outcome)")
        }
        if !showsActions(of: service), let action = service.actions.first {
            // Whenever something waits, the reason is shown.
            if action.phase == .waiting, let reason = action.error { parts.append(reason) }
            parts += action.notifyTexts
            if let text = action.onceText { parts.append(text) }
        }
        if !service.state.isUp, service.state != .stopped, let since = service.since {
            parts.append("for \(since.elapsed(until: now).shortText)")
        }
        return parts.joined(separator: "; ")
    }

    private func detail(_ standalone: StandaloneStatus, _ now: WallTime) -> String {
        var parts = problems(standalone.action, now)
        if let next = standalone.nextRunAt { parts.append("next run \(next.relative(to: now))") }
        if standalone.isPaused { parts.append("its schedule is paused by `down`; the next apply resumes it") }
        return parts.joined(separator: "; ")
    }

    private func detail(_ action: ActionStatus, _ now: WallTime) -> String {
        let parts = action.phase == .running && !action.isReady ? ["not ready"] : []
        let notes = action.notifyTexts + (action.onceText.map { [$0] } ?? [])
        return (parts + problems(action, now) + notes).joined(separator: "; ")
    }

    private func problems(_ action: ActionStatus, _ now: WallTime) -> [String] {
        var parts: [String] = []
        if action.isHealthy == false { parts.append("unhealthy") }
        if let error = action.error {
            parts.append(error)
        } else if let outcome = action.outcome, action.phase != .succeeded {
            parts.append(action.phase == .running ? "last outcome: \(outcome)" : outcome.description)
        }
        if let next = action.nextRetryAt {
            parts.append("next retry \(next.relative(to: now)) (attempt \(action.attempt &+ 1))")
        }
        return parts
    }
}

extension ServiceState {
    /// The position in a summary: healthy states first, down states last.
    fileprivate var rank: Int {
        switch self {
        case .running: 0
        case .exited: 1
        case .starting: 2
        case .stopping: 3
        case .degraded: 4
        case .backingOff: 5
        case .blocked: 6
        case .failed: 7
        case .stopped: 8
        }
    }
}
