import HeroKernel
import HeroModel

extension SimMachine {
    /// Lets one thing happen.
    func happen(_ occurrence: Occurrence) {
        switch occurrence {
        case .shimBegins(let key): shimBegins(key)
        case .programEnds(let key, let outcome): programEnds(key, outcome)
        case .shimEnds(let key, let report): shimEnds(key, report)
        case .shimKilled(let key): shimKilled(key)
        case .answer(let start, let serial): answer(start, serial)
        case .speaks(let key): speak(key)
        case .answerInWords(let start, let serial, let asksWhetherReady):
            answerInWords(start, serial, asksWhetherReady)
        case .strangerLeaves(let process): strangerLeaves(process)
        }
    }

    private func shimBegins(_ key: Int) {
        guard let start = starts[key], start.hasShim else { return }
        if let holder = records[start.id.job], let other = starts[holder] {
            // The lock is held as long as the shim or the program of the other start lives.
            if other.hasShim || other.isProgramAlive { return refuse(key, "another instance holds the lock") }
            if other.id.generation >= start.id.generation { return refuse(key, "superseded") }
        }
        if let retired = retired[start.id.job], retired >= start.id.generation { return refuse(key, "superseded") }
        records[start.id.job] = key
        let process = identity()
        let report = StartReport(process: process, at: now, time: wallTime)
        let kind = start.order.arguments.count > 1 ? start.order.arguments[1] : ""
        var behaviour = Behaviour.draw(kind, isCalm: isCalm, &seed)
        if kind == "broken" {
            starts[key]?.isHeld = true
            let failure = StartFailure(stage: .execute, errno: 2, detail: "sim: no such file or directory")
            starts[key]?.outcome = .startFailed(failure)
            at(.zero, .shimEnds(key, EndReport(outcome: .startFailed(failure), time: wallTime, executed: nil)))
            return
        }
        if let twin = trace.executions.first(where: { $0.ended == nil && $0.label == start.order.label }) {
            trace.violations.append("two instances of \(start.order.label): \(twin.start) and \(start.id)")
        }
        let execution = SimTrace.Execution(
            start: start.id,
            label: start.order.label,
            began: now,
            lostShim: false
        )
        trace.executions.append(execution)
        if start.order.mayNotify { at(behaviour.readyAfter ?? .zero, .speaks(key)) }
        if let endsAfter = behaviour.endsAfter { at(endsAfter, .programEnds(key, behaviour.ending)) }
        if behaviour.readyAfter == nil { behaviour.readyAfter = .zero }
        starts[key]?.isHeld = true
        starts[key]?.process = process
        starts[key]?.report = report
        starts[key]?.behaviour = behaviour
        starts[key]?.isProgramAlive = true
        starts[key]?.execution = trace.executions.count - 1
        if !isCalm, seed.chance(2) { at(seed.milliseconds(0...200), .shimKilled(key)) }
        kernel?.tell(.started(start.id, report))
    }

    private func refuse(_ key: Int, _ reason: String) {
        let failure = StartFailure(stage: .record, errno: 11, detail: reason)
        at(.zero, .shimEnds(key, EndReport(outcome: .startFailed(failure), time: wallTime, executed: nil)))
    }

    func end(_ key: Int, _ outcome: Outcome, lostShim: Bool) {
        starts[key]?.isProgramAlive = false
        starts[key]?.outcome = outcome
        starts[key]?.endTime = wallTime
        guard let execution = starts[key]?.execution else { return }
        trace.executions[execution].ended = now
        trace.executions[execution].outcome = outcome
        trace.executions[execution].lostShim = lostShim
    }

    private func programEnds(_ key: Int, _ outcome: Outcome) {
        guard let start = starts[key], start.isProgramAlive else { return }
        end(key, outcome, lostShim: !start.hasShim)
        if start.hasShim {
            let report = EndReport(outcome: outcome, time: wallTime, executed: start.report)
            at(.microseconds(seed.number(50...1500)), .shimEnds(key, report))
        } else {
            let report = EndReport(outcome: .lost("its shim was killed"), time: nil, executed: start.report)
            starts[key]?.outcome = report.outcome
            kernel?.tell(.ended(start.id, report))
        }
    }

    private func shimEnds(_ key: Int, _ report: EndReport) {
        guard let start = starts[key] else { return }
        starts[key]?.hasShim = false
        kernel?.tell(.ended(start.id, report))
        if records[start.id.job] != key { starts[key] = nil }
    }

    private func shimKilled(_ key: Int) {
        guard let start = starts[key], start.hasShim else { return }
        starts[key]?.hasShim = false
        guard let report = start.report else { return }
        if start.isProgramAlive {
            kernel?.tell(.shimLost(start.id, report))
        } else {
            // Its slot was written before it died, so the status is exact.
            let outcome = start.outcome ?? .lost("its shim was killed")
            kernel?.tell(.ended(start.id, EndReport(outcome: outcome, time: start.endTime, executed: report)))
        }
    }

    private func answer(_ id: StartID, _ serial: UInt64) {
        guard let key = records[id.job], let start = starts[key], start.id == id, start.isProgramAlive,
            let report = start.report
        else {
            kernel?.tell(.probeFinished(id, serial: serial, .failed("connection refused")))
            return
        }
        if !isCalm, seed.chance(5) {
            kernel?.tell(.probeFinished(id, serial: serial, .skipped("no descriptor is left")))
            return
        }
        let isReady = report.at + (start.behaviour.readyAfter ?? .zero) <= now && !start.isSick(now)
        kernel?.tell(.probeFinished(id, serial: serial, isReady ? .succeeded : .failed("connection refused")))
    }

    // MARK: What a reconciler does to it

    func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        if signalStranger(process, signal) { return true }
        guard let (key, start) = starts.first(where: { $0.value.process?.isSameProcess(as: process) ?? false }),
            start.isProgramAlive
        else { return false }
        trace.deeds.append((.signaled(start.id, label: start.order.label, signal), now))
        guard !start.behaviour.isImmortal || isMerciful else { return true }
        if signal == .kill {
            at(.zero, .programEnds(key, .signaled(.kill, coreDumped: false)))
        } else if let obeysAfter = start.behaviour.obeysAfter {
            at(obeysAfter, .programEnds(key, .signaled(signal, coreDumped: false)))
        }
        return true
    }

    func killTree(_ id: StartID) {
        for key in starts.keys.sorted() where starts[key]?.id == id {
            if let start = starts[key], start.isProgramAlive, !start.behaviour.isImmortal || isMerciful {
                at(.microseconds(100), .programEnds(key, .signaled(.kill, coreDumped: false)))
            }
        }
    }

    func sight(_ job: JobID) -> RecoveredStart {
        guard let key = records[job], let start = starts[key] else { return .notFound }
        if start.hasShim { return .supervised(generation: start.id.generation, start.isProgramAlive ? start.report : nil) }
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

    func forget(_ job: JobID) {
        origins[job] = nil
        guard let key = records[job], let start = starts[key] else { return }
        guard !start.hasShim, !start.isProgramAlive else {
            trace.violations.append("the record of \(start.order.label) was removed while it runs")
            return
        }
        // Of a job that had a start retired the record stays: it is what refuses that start, however late it comes.
        guard retired[job] == nil else { return }
        records[job] = nil
        starts[key] = nil
    }
}
