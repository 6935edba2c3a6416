extension SystemdServiceReader {
    /// Reads a key of `[Service]` that is not a command.
    mutating func readServiceKey(_ entry: SystemdEntry, _ service: inout ImportedService, _ state: inout ImportState) {
        let place = entry.place
        let value = entry.value
        switch entry.key {
        case "ExecStopPost" where unit.values("ExecStart").isEmpty: reportRule(entry, &state)
        case "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStopPost":
            if value.isEmpty { state.countExact() }
        case "Type": readType(entry, &state)
        case "ExecReload":
            let isSignal = value.contains("kill") && value.contains("HUP")
            let advice = isSignal ? "not written: send HUP to its main process by hand" : nil
            if let advice { state.report(place, .reloadCommand, advice) } else { reportRule(entry, &state) }
        case "ExecStop": readStopCommand(entry, &state)
        case "Restart": readRestart(entry, &state)
        case "RestartSec":
            readTime(entry, &state) {
                $0.restartDelay = $1; $0.hasRestartDelay = true
            }
        case "RestartMaxDelaySec":
            readTime(entry, &state) { $0.main.set("retry.max_delay", plain: DurationText.text(milliseconds: $1)) }
        case "RestartSteps":
            main.set("retry.factor", plain: "2")
            reportRule(entry, &state)
        case "StartLimitInterval", "StartLimitIntervalSec", "StartLimitBurst": readStartLimit(entry, &state)
        case "SuccessExitStatus": readExitStatus(entry, &state)
        case "PIDFile":
            guard let path = text.expand(value) else { return invalid(entry, &state) }
            let absolute = path.manifestText.hasPrefix("/") ? path : path.prefixed("/run/")
            main.set("pid_file", state.using(absolute, at: place))
            state.countExact()
        case "NotifyAccess":
            guard value == "all" else {
                return state.report(place, .alreadySo, "the default of heroproc is close to it")
            }
            main.set("notify_from", plain: "all")
            reportRule(entry, &state)
        case "WatchdogSec":
            guard let time = SystemdText.milliseconds(value) else { return invalid(entry, &state) }
            if time >= 100 { main.set("health.watchdog", plain: DurationText.text(milliseconds: time)) }
            state.countExact()
        case "TimeoutStartSec", "TimeoutStopSec", "TimeoutSec": readTimeout(entry, &state)
        case "KillMode": readKillMode(entry, &state)
        case "KillSignal":
            guard let signal = SignalName(value) else { return invalid(entry, &state) }
            if signal.name != "TERM" { main.set("stop.signal", plain: signal.name) }
            state.countExact()
        case "SendSIGKILL", "Delegate":
            let isHarmless = SystemdText.bool(value) == (entry.key == "SendSIGKILL")
            if isHarmless { state.countExact() } else { reportRule(entry, &state) }
        case "NonBlocking", "DynamicUser":
            if SystemdText.bool(value) == false { state.countExact() } else { reportRule(entry, &state) }
        default: readExecutionKey(entry, &service, &state)
        }
    }

    func reportRule(_ entry: SystemdEntry, _ state: inout ImportState) {
        state.report(entry.place, entry.key, of: entry.section == "Unit" ? SystemdKeys.unit : SystemdKeys.service)
    }

    func invalid(_ entry: SystemdEntry, _ state: inout ImportState) {
        state.report(entry.place, .invalidValue, "not written: `\(entry.value.prefix(100))` cannot be used")
    }

    private mutating func readTime(
        _ entry: SystemdEntry,
        _ state: inout ImportState,
        _ use: (inout Self, Int) -> Void
    ) {
        guard let time = SystemdText.milliseconds(entry.value) else { return invalid(entry, &state) }
        use(&self, time)
        reportRule(entry, &state)
    }

    private mutating func readType(_ entry: SystemdEntry, _ state: inout ImportState) {
        switch entry.value {
        case "simple", "exec", "oneshot", "idle": state.countExact()
        case "notify", "notify-reload":
            main.set("ready.notify", plain: "true")
            if entry.value == "notify" { return state.countExact() }
            state.report(entry.place, .reloadCommand, "`ready: {notify: true}`; the reload by signal is not written")
        case "forking":
            if unit.value("PIDFile") != nil {
                state.report(entry.place, .sameMeaning, "`pid_file` names the main process")
            } else {
                state.report(
                    entry.place,
                    .backgroundProgram,
                    "the program moves to the background without a PID file; start it in the foreground"
                )
            }
        case "dbus": state.report(entry.place, .valueAdapted, "ready as soon as it runs, not when it has its bus name")
        default: invalid(entry, &state)
        }
    }

    private mutating func readStopCommand(_ entry: SystemdEntry, _ state: inout ImportState) {
        let words = SystemdText.words(entry.value) ?? []
        let name = words.first?.split(separator: "/").last ?? ""
        if name == "kill", words.count == 3, words[2] == "$MAINPID" || words[2] == "${MAINPID}",
            let signal = SignalName(String(words[1].drop { $0 == "-" }))
        {
            if signal.name != "TERM" { main.set("stop.signal", plain: signal.name) }
            return state.report(entry.place, .sameMeaning, "`stop.signal: \(signal.name)`")
        }
        guard main.keys["stop.exec"] == nil, let command = SystemdCommand(entry.value, text),
            case .exec(let arguments) = command.command
        else { return reportRule(entry, &state) }
        main.keys["stop.exec"] = .list(arguments.map { .text($0) })
        state.countExact()
    }

    private mutating func readRestart(_ entry: SystemdEntry, _ state: inout ImportState) {
        switch entry.value {
        case "no":
            main.set("restart", plain: "never")
            state.countExact()
        case "always":
            if !main.isProcess { main.set("restart", plain: "on_failure") }
            state.countExact()
        case "on-failure":
            if main.isProcess { main.set("restart", plain: "on_failure") }
            state.countExact()
        case "on-abnormal", "on-abort", "on-watchdog":
            if main.isProcess { main.set("restart", plain: "on_failure") }
            state.report(entry.place, .restartAfterExit, "`restart: on_failure`; an exit code restarts it, too")
        case "on-success":
            state.report(entry.place, .restartAfterExit, "`restart: always`; a failure restarts it, too")
        default: invalid(entry, &state)
        }
    }

    mutating func readStartLimit(_ entry: SystemdEntry, _ state: inout ImportState) {
        if entry.key == "StartLimitBurst" {
            guard let number = entry.value.wholeNumber, number <= 1_000_000 else { return invalid(entry, &state) }
            startLimitBurst = number
        } else {
            guard let time = SystemdText.milliseconds(entry.value) else { return invalid(entry, &state) }
            startLimitInterval = time
        }
        state.report(entry.place, .sameMeaning, "`retry.max_attempts` and `retry.within`, if the delay is short")
    }

    private mutating func readExitStatus(_ entry: SystemdEntry, _ state: inout ImportState) {
        let names = ["TEMPFAIL": 75, "DATAERR": 65, "NOPERM": 77, "USAGE": 64, "CONFIG": 78, "UNAVAILABLE": 69]
        var codes = [0]
        for word in entry.value.split(separator: " ").map(String.init) {
            if let code = word.wholeNumber ?? names[word], code <= 255 {
                if !codes.contains(code) { codes.append(code) }
            } else {
                state.report(entry.place, .noCounterpart, "`\(word)` is not written: only exit codes can be a success")
            }
        }
        guard codes.count > 1 else { return }
        main.keys["success_exit_codes"] = .list(codes.map { .plain(String($0)) })
        state.countExact()
    }

    private mutating func readTimeout(_ entry: SystemdEntry, _ state: inout ImportState) {
        guard var time = SystemdText.milliseconds(entry.value) else { return invalid(entry, &state) }
        // Zero means no limit here.
        if time == 0 { time = DurationText.maxMilliseconds }
        let duration = DurationText.text(milliseconds: time)
        if entry.key != "TimeoutStopSec" {
            hasStartTimeout = true
            if type == "oneshot" {
                if time < DurationText.maxMilliseconds { main.set("timeout", plain: duration) }
            } else {
                main.set("start_timeout", plain: duration)
            }
        }
        if entry.key != "TimeoutStartSec" { main.set("stop.timeout", plain: duration) }
        if entry.key == "TimeoutSec" { reportRule(entry, &state) } else { state.countExact() }
    }

    private mutating func readKillMode(_ entry: SystemdEntry, _ state: inout ImportState) {
        killMode = entry.value
        switch entry.value {
        case "control-group", "mixed": state.countExact()
        case "process", "none":
            state.report(
                entry.place,
                .killsChildren,
                "a stop leaves its child processes running in systemd; heroproc ends the whole process tree"
            )
        default: invalid(entry, &state)
        }
    }
}

extension ImportedText {
    /// The text with a prefix.
    func prefixed(_ prefix: String) -> ImportedText {
        var result = ImportedText(prefix)
        for piece in pieces {
            switch piece {
            case .literal(let text): result.append(text)
            case .variable(let name, let fallback): result.append(variable: name, fallback: fallback)
            }
        }
        return result
    }
}
