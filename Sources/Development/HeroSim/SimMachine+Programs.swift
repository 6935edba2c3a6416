import HeroKernel
import HeroModel
import HeroRandom

extension SimMachine {
    /// Performs a scheduled event.
    func perform(_ event: Event) {
        switch event {
        case .shimStarts(let key): startShim(key)
        case .programEnds(let key, let outcome): endProgram(key, outcome)
        case .shimEnds(let key, let report): endShim(key, report)
        case .shimKilled(let key): killShim(key)
        case .probeFinishes(let start, let serial): finishProbe(start, serial)
        case .programNotifiesReady(let key): notifyReady(key)
        case .notifyProbeFinishes(let start, let serial, let requiresReady):
            finishNotifyProbe(start, serial, requiresReady)
        case .foreignListenerExits(let process): removeForeignListener(process)
        }
    }

    private func startShim(_ key: Int) {
        guard let start = starts[key], start.hasShim else { return }
        if let holder = records[start.id.job], let other = starts[holder] {
            // The lock is held as long as the shim or the program of the other start lives.
            if other.hasShim || other.isProgramAlive { return refuse(key, "another instance holds the lock") }
            if other.id.generation >= start.id.generation { return refuse(key, "superseded") }
        }
        if let retired = retired[start.id.job], retired >= start.id.generation { return refuse(key, "superseded") }
        records[start.id.job] = key
        let process = makeIdentity()
        let report = StartReport(process: process, at: now, time: wallTime)
        let kind = start.request.arguments.count > 1 ? start.request.arguments[1] : ""
        var behaviour = ProgramBehaviour.draw(kind, isFaultFree: isFaultFree, &generator)
        if kind == "broken" {
            starts[key]?.isHeld = true
            let failure = StartFailure(stage: .execute, errno: 2, detail: "sim: no such file or directory")
            starts[key]?.outcome = .startFailed(failure)
            scheduleEvent(
                .zero,
                .shimEnds(key, EndReport(outcome: .startFailed(failure), time: wallTime, executed: nil))
            )
            return
        }
        if let twin = trace.executions.first(where: { $0.ended == nil && $0.label == start.request.label }) {
            trace.violations.append("two instances of \(start.request.label): \(twin.start) and \(start.id)")
        }
        let execution = SimTrace.Execution(
            start: start.id,
            label: start.request.label,
            began: now,
            lostShim: false
        )
        trace.executions.append(execution)
        if start.request.mayNotify { scheduleEvent(behaviour.readyAfter ?? .zero, .programNotifiesReady(key)) }
        if let endsAfter = behaviour.endsAfter { scheduleEvent(endsAfter, .programEnds(key, behaviour.ending)) }
        if behaviour.readyAfter == nil { behaviour.readyAfter = .zero }
        starts[key]?.isHeld = true
        starts[key]?.process = process
        starts[key]?.report = report
        starts[key]?.behaviour = behaviour
        starts[key]?.isProgramAlive = true
        starts[key]?.execution = trace.executions.count - 1
        if !isFaultFree, generator.chance(2) { scheduleEvent(generator.milliseconds(0...200), .shimKilled(key)) }
        kernel?.post(.start(start.id, .started(report)))
    }

    private func refuse(_ key: Int, _ reason: String) {
        let failure = StartFailure(stage: .record, errno: 11, detail: reason)
        scheduleEvent(.zero, .shimEnds(key, EndReport(outcome: .startFailed(failure), time: wallTime, executed: nil)))
    }

    func recordProgramEnd(_ key: Int, _ outcome: Outcome, lostShim: Bool) {
        starts[key]?.isProgramAlive = false
        starts[key]?.outcome = outcome
        starts[key]?.endTime = wallTime
        guard let execution = starts[key]?.execution else { return }
        trace.executions[execution].ended = now
        trace.executions[execution].outcome = outcome
        trace.executions[execution].lostShim = lostShim
    }

    private func endProgram(_ key: Int, _ outcome: Outcome) {
        guard let start = starts[key], start.isProgramAlive else { return }
        recordProgramEnd(key, outcome, lostShim: !start.hasShim)
        if start.hasShim {
            let report = EndReport(outcome: outcome, time: wallTime, executed: start.report)
            scheduleEvent(.microseconds(generator.number(50...1500)), .shimEnds(key, report))
        } else {
            let report = EndReport(outcome: .lost("its shim was killed"), time: nil, executed: start.report)
            starts[key]?.outcome = report.outcome
            kernel?.post(.start(start.id, .ended(report)))
        }
    }

    private func endShim(_ key: Int, _ report: EndReport) {
        guard let start = starts[key] else { return }
        starts[key]?.hasShim = false
        kernel?.post(.start(start.id, .ended(report)))
        if records[start.id.job] != key { starts[key] = nil }
    }

    private func killShim(_ key: Int) {
        guard let start = starts[key], start.hasShim else { return }
        starts[key]?.hasShim = false
        guard let report = start.report else { return }
        if start.isProgramAlive {
            kernel?.post(.start(start.id, .shimLost(report)))
        } else {
            // Its slot was written before it died, so the status is exact.
            let outcome = start.outcome ?? .lost("its shim was killed")
            kernel?.post(.start(start.id, .ended(EndReport(outcome: outcome, time: start.endTime, executed: report))))
        }
    }

    private func finishProbe(_ id: StartID, _ serial: UInt64) {
        guard let key = records[id.job], let start = starts[key], start.id == id, start.isProgramAlive,
            let report = start.report
        else {
            kernel?.post(.start(id, .probeFinished(serial: serial, .failed("connection refused"))))
            return
        }
        if !isFaultFree, generator.chance(5) {
            kernel?.post(.start(id, .probeFinished(serial: serial, .skipped("no descriptor is left"))))
            return
        }
        let isReady = report.at + (start.behaviour.readyAfter ?? .zero) <= now && !start.isHanging(now)
        kernel?.post(.start(id, .probeFinished(serial: serial, isReady ? .succeeded : .failed("connection refused"))))
    }

    // MARK: Requests of a reconciler

    func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        if signalForeignListener(process, signal) { return true }
        guard let (key, start) = starts.first(where: { $0.value.process?.isSameProcess(as: process) ?? false }),
            start.isProgramAlive
        else { return false }
        trace.actions.append((.signaled(start.id, label: start.request.label, signal), now))
        guard !start.behaviour.isUnkillable || canKillUnkillable else { return true }
        // Simulated programs handle SIGHUP as a reload.
        if signal.description == "HUP" { return true }
        if signal == .kill {
            scheduleEvent(.zero, .programEnds(key, .signaled(.kill, coreDumped: false)))
        } else if let obeysAfter = start.behaviour.stopsAfter {
            scheduleEvent(obeysAfter, .programEnds(key, .signaled(signal, coreDumped: false)))
        }
        return true
    }

    func killTree(_ id: StartID) {
        for key in starts.keys.sorted() where starts[key]?.id == id {
            if let start = starts[key], start.isProgramAlive, !start.behaviour.isUnkillable || canKillUnkillable {
                scheduleEvent(.microseconds(100), .programEnds(key, .signaled(.kill, coreDumped: false)))
            }
        }
    }

    func recoveredStart(_ job: JobID, _ known: KnownProgram? = nil) -> RecoveredStart {
        let unrecorded = known.flatMap { known in
            starts.first { $0.value.isProgramAlive && $0.value.process?.isSameProcess(as: known.process) == true }?.key
        }
        guard let key = records[job] ?? unrecorded, let start = starts[key] else { return .notFound }
        if start.hasShim {
            return .supervised(generation: start.id.generation, start.isProgramAlive ? start.report : nil)
        }
        if start.isProgramAlive, let report = start.report {
            return .orphaned(generation: start.id.generation, report)
        }
        return .ended(
            generation: start.id.generation,
            EndReport(
                outcome: start.outcome ?? .lost("nothing is recorded"),
                time: start.endTime,
                executed: start.report
            )
        )
    }

    func retire(_ id: StartID) -> Bool {
        if let key = records[id.job], let start = starts[key] {
            guard !start.hasShim, !start.isProgramAlive, start.id.generation < id.generation else { return false }
        }
        retired[id.job] = max(retired[id.job] ?? 0, id.generation)
        return true
    }

    func removeRuntimeFiles(_ job: JobID) {
        recoveryRecords[job] = nil
        guard let key = records[job], let start = starts[key] else { return }
        guard !start.hasShim, !start.isProgramAlive else {
            trace.violations.append("the record of \(start.request.label) was removed while it runs")
            return
        }
        // Of a job that had a start retired the record stays: it is what refuses that start, however late it comes.
        guard retired[job] == nil else { return }
        records[job] = nil
        starts[key] = nil
    }
}
