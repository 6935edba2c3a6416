import HeroModel

/// What runs, as a table.
public struct StatusView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line a service, indented lines for its actions where they say more, one line a standalone action, and a summary as the
    /// last line.
    public func text(_ report: StatusReport) -> String {
        let closing = storeOutageLine(report) + safeModeLine(report) + summary(report) + "\n"
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

    /// A line that says why nothing can be recorded; nothing where all can be.
    private func storeOutageLine(_ report: StatusReport) -> String {
        guard let trouble = report.storeOutage else { return "" }
        let consequence = "what runs is kept running; nothing new is started, and this may be out of date"
        return style.paint("Degraded:", .red) + " \(trouble.printable); \(consequence).\n"
    }

    /// A line that says why nothing new is applied; nothing where it is.
    private func safeModeLine(_ report: StatusReport) -> String {
        guard let safeMode = report.reconciler?.safeMode else { return "" }
        let consequence = "what was applied is kept up, and nothing new is taken in"
        return style.paint("Safe mode:", .red) + " \(consequence): \(safeMode.printable).\n"
    }

    /// The last line of a status, without its line feed.
    ///
    /// `5 services: 4 running, 1 failed. Revision 3, applied 2m ago; no reconciler lives.`
    public func summary(_ report: StatusReport) -> String {
        var text = counted(report.services.count, "service")
        let states = ServiceState.allCases.sorted { $0.rank < $1.rank }
        let waiting = report.waitingServices.count
        var counts = states.compactMap { state -> String? in
            let number = report.services.count { $0.state == state } - (state == .blocked ? waiting : 0)
            return number == 0 ? nil : style.paint("\(number) \(state.rawValue)", state.textStyle)
        }
        if waiting > 0 { counts.append(style.paint("\(waiting) waiting", ServiceState.starting.textStyle)) }
        if !counts.isEmpty { text += ": " + counts.joined(separator: ", ") }
        if !report.standalone.isEmpty { text += "; " + counted(report.standalone.count, "standalone action") }
        if let revision = report.revision {
            text += ". Revision \(revision.number), applied \(revision.time.relative(to: report.now))"
        } else {
            text += ". Nothing was applied yet"
        }
        if let reconciler = report.reconciler {
            guard reconciler.pid > 0 else { return text + "; a reconciler is just beginning." }
            text += "; reconciler pid \(reconciler.pid) (\(reconciler.mode.printable) "
            return text + "\(reconciler.directory.printable))."
        }
        return text + "; " + style.paint("no reconciler lives", .yellow) + "."
    }

    // MARK: Rows

    private func row(_ service: ServiceStatus, isWaiting: Bool, _ now: WallTime) -> [Table.Cell] {
        let single = service.actions.count == 1 ? service.actions.first : nil
        let restarts = service.actions.reduce(0) { $0 &+ $1.restartCount }
        let up = service.state.isUp ? service.since.map { $0.elapsed(until: now).shortText } ?? "" : ""
        return [
            isWaiting
                ? .init("waiting", ServiceState.starting.textStyle)
                : .init(service.state.rawValue, service.state.textStyle),
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

    /// Whether the actions say more than the line of their service.
    private func showsActions(of service: ServiceStatus) -> Bool {
        service.actions.count > 1
            || service.actions.contains { action in
                switch action.phase {
                case .retrying, .failed: true
                case .running: !action.isReady || action.isHealthy == false
                case .pending, .waiting, .succeeded, .cancelled, nil: false
                }
            }
    }

    // MARK: Details

    private func detail(_ service: ServiceStatus, _ now: WallTime) -> String {
        var parts: [String] = []
        if !service.blockedBy.isEmpty {
            parts.append("waits for " + service.blockedBy.map(\.description).joined(separator: ", "))
        }
        switch service.wanted {
        case .start: break
        case .stop where service.isStoppedByDown: parts.append("taken down; the next apply brings it up")
        case .stop, .spec, .ignore: parts.append("status: \(service.wanted?.rawValue ?? "")")
        case nil: parts.append("not declared any more")
        }
        if !showsActions(of: service), let outcome = service.actions.first?.outcome, service.state == .running,
            service.actions.contains(where: { $0.restartCount > 0 })
        {
            parts.append("last end: \(outcome)")
        }
        if !showsActions(of: service) { parts += service.actions.first?.notifyTexts ?? [] }
        if !service.state.isUp, service.state != .stopped, let since = service.since {
            parts.append("for \(since.elapsed(until: now).shortText)")
        }
        return parts.joined(separator: "; ")
    }

    private func detail(_ standalone: StandaloneStatus, _ now: WallTime) -> String {
        var parts = problems(standalone.action, now)
        if let next = standalone.nextRunAt { parts.append("next run \(next.relative(to: now))") }
        if standalone.isPaused { parts.append("its schedule rests: taken down; the next apply lets it go on") }
        return parts.joined(separator: "; ")
    }

    private func detail(_ action: ActionStatus, _ now: WallTime) -> String {
        let parts = action.phase == .running && !action.isReady ? ["not ready"] : []
        return (parts + problems(action, now) + action.notifyTexts).joined(separator: "; ")
    }

    private func problems(_ action: ActionStatus, _ now: WallTime) -> [String] {
        var parts: [String] = []
        if action.isHealthy == false { parts.append("unhealthy") }
        if let error = action.error {
            parts.append(error)
        } else if let outcome = action.outcome, action.phase != .succeeded {
            parts.append(action.phase == .running ? "last end: \(outcome)" : outcome.description)
        }
        if let next = action.nextRetryAt {
            parts.append("next try \(next.relative(to: now)) (attempt \(action.attempt &+ 1))")
        }
        return parts
    }
}

extension StatusView {
    /// `heroproc/status/v1`; names without their context, except in `blocked_by`, which may name another context.
    public static func json(_ report: StatusReport) -> JSONValue {
        // One that has only just begun has not said yet who it is.
        let reconciler = report.reconciler.flatMap { $0.pid > 0 ? $0 : nil }
        return [
            "schema": "heroproc/status/v1",
            "revision": .integer(report.revision?.number ?? 0),
            "reconciler": [
                "alive": .bool(report.reconciler != nil),
                "pid": JSONValue(reconciler?.pid),
                "mode": JSONValue(reconciler?.mode),
                "dir": JSONValue(reconciler?.directory),
                "safe_mode": JSONValue(reconciler?.safeMode),
            ],
            "services": .array(report.services.map(json)),
            "standalone": .array(report.standalone.map(json)),
            "database": ["writable": .bool(report.storeOutage == nil), "trouble": JSONValue(report.storeOutage)],
        ]
    }

    static func json(_ service: ServiceStatus) -> JSONValue {
        [
            "context": .string(service.name.context),
            "name": .string(service.name.name),
            "class": .string(service.serviceClass.rawValue),
            "wanted": JSONValue(service.wanted?.rawValue),
            "state": .string(service.state.rawValue),
            "since": JSONValue(service.since?.description),
            "run_id": JSONValue(service.run),
            "blocked_by": .array(service.blockedBy.map { .string($0.description) }),
            "actions": .array(service.actions.map(json)),
        ]
    }

    private static func json(_ standalone: StandaloneStatus) -> JSONValue {
        let action = standalone.action
        return [
            "context": .string(standalone.name.context),
            "name": .string(standalone.name.name),
            "job_id": JSONValue(action.job),
            "phase": JSONValue(action.phase?.rawValue),
            "next_run_at": JSONValue(standalone.nextRunAt?.description),
            "pid": JSONValue(action.pid),
            "attempt": JSONValue(action.attempt),
            "restart_count": JSONValue(action.restartCount),
            "exit_code": JSONValue(action.outcome?.exitCode),
            "next_retry_at": JSONValue(action.nextRetryAt?.description),
            "containment": JSONValue(action.containment?.rawValue),
            "paused": .bool(standalone.isPaused),
        ]
    }

    private static func json(_ action: ActionStatus) -> JSONValue {
        [
            "name": .string(action.name),
            "job_id": JSONValue(action.job),
            "phase": JSONValue(action.phase?.rawValue),
            "pid": JSONValue(action.pid),
            "ready": .bool(action.isReady),
            "healthy": JSONValue(action.isHealthy),
            "attempt": JSONValue(action.attempt),
            "restart_count": JSONValue(action.restartCount),
            "exit_code": JSONValue(action.outcome?.exitCode),
            "next_retry_at": JSONValue(action.nextRetryAt?.description),
            "containment": JSONValue(action.containment?.rawValue),
            "reloading": .bool(action.notifyState?.isReloading ?? false),
            "status_text": JSONValue(action.statusText),
        ]
    }
}

extension ServiceState {
    /// Its place in a summary: what is well first, what is down last.
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
