import HeroModel
import HeroRandom

@testable import HeroStore

/// Random records with all kinds of values.
extension SeededGenerator {
    mutating func maybe<Value>(_ make: (inout SeededGenerator) -> Value) -> Value? {
        Bool.random(using: &self) ? make(&self) : nil
    }

    mutating func text() -> String {
        pick(["", "a", "it's \"quoted\" \\ \n\t", "日本語 🦸", "x'; DROP TABLE jobs; --", "null", "[]", "{}"], or: "")
    }

    mutating func texts() -> [String] {
        (0..<Int.random(in: 0...3, using: &self)).map { _ in text() }
    }

    mutating func time() -> WallTime {
        WallTime(microseconds: Int64.random(in: -60_000_000_000_000_000...250_000_000_000_000_000, using: &self))
    }

    mutating func name() -> QualifiedName {
        QualifiedName(pick(["a", "b", "web-1", "x_y"], or: "a"), context: pick(["core", "lab"], or: "core"))
    }

    mutating func names() -> [QualifiedName] {
        (0..<Int.random(in: 0...3, using: &self)).map { _ in name() }
    }

    mutating func outcome() -> Outcome {
        switch Int.random(in: 0...3, using: &self) {
        case 0: .exited(Int32.random(in: 0...255, using: &self))
        case 1: .signaled(Signal(number: Int32.random(in: 1...64, using: &self)), coreDumped: .random(using: &self))
        case 2:
            .startFailed(StartFailure(stage: pick(StartFailure.Stage.allCases, or: .fork), errno: 2, detail: text()))
        default: .lost(text())
        }
    }

    mutating func job(_ id: JobID) -> JobRecord {
        var job = JobRecord(
            id: id,
            context: pick(["core", "lab"], or: "core"),
            service: maybe { $0.name().name },
            action: name().name,
            run: maybe { Int64.random(in: 1...5, using: &$0) },
            revision: Int64.random(in: 1...9, using: &self),
            tags: texts(),
            createdAt: time()
        )
        job.phase = pick(JobPhase.allCases, or: .pending)
        job.attempt = Int.random(in: 0 ... .max, using: &self)
        job.restartCount = Int.random(in: 0...9, using: &self)
        job.executions = Int.random(in: 0...9, using: &self)
        job.generation = UInt32.random(in: 0 ... .max, using: &self)
        job.isReady = .random(using: &self)
        job.isStopping = .random(using: &self)
        job.process = maybe {
            ProcessIdentity(
                bootID: $0.text(),
                pidNamespace: .random(in: 0 ... .max, using: &$0),
                pid: .random(in: 1 ... .max, using: &$0),
                startTicks: .random(in: 0 ... .max, using: &$0),
                pidfsInode: .random(in: 0 ... .max, using: &$0)
            )
        }
        job.outcome = maybe { $0.outcome() }
        job.error = maybe { $0.text() }
        job.startedAt = maybe { $0.time() }
        job.finishedAt = maybe { $0.time() }
        job.nextRetryAt = maybe { $0.time() }
        job.deadline = maybe {
            .init(moment: Moment(nanoseconds: .random(in: .min ... .max, using: &$0)), bootID: $0.text())
        }
        return job
    }

    mutating func action(_ name: String) -> ActionSpec {
        var action = ActionSpec(
            name,
            Bool.random(using: &self) ? .exec(texts()) : .script(text(), interpreter: maybe { $0.text() }),
            isProcess: .random(using: &self)
        )
        action.description = text()
        action.tags = texts()
        action.environment = [text(): text()].mapValues(EnvironmentValue.text)
        action.sockets = texts()
        action.tcpPorts = [
            BoundPort(
                host: maybe { $0.text() },
                port: .random(in: 1 ... .max, using: &self),
                isShared: .random(using: &self)
            )
        ]
        action.ready = maybe { Probe(Bool.random(using: &$0) ? .exec($0.texts()) : .unix($0.text())) }
        action.startTimeout = .nanoseconds(Int64.random(in: 0 ... .max, using: &self))
        action.timeout = maybe { .milliseconds(Int64.random(in: 0...99999, using: &$0)) }
        action.retry.jitter = Double.random(in: 0...1, using: &self)
        action.retry.factor = Double.random(in: 1...10, using: &self)
        action.generation = Int.random(in: 0 ... .max, using: &self)
        return action
    }

    mutating func service(_ name: QualifiedName) -> ServiceRecord {
        var spec = ServiceSpec(name, actions: [action("one"), action("two")])
        spec.description = text()
        spec.serviceClass = pick(ServiceClass.allCases, or: .user)
        spec.status = pick(DesiredStatus.allCases, or: .start)
        spec.labels = [text(): text()]
        spec.requires = names()
        spec.after = names()
        spec.wants = names()
        spec.workingDirectory = maybe { $0.text() }
        spec.startOrder = pick(StartOrder.allCases, or: .serial)
        return ServiceRecord(
            spec: spec,
            canonical: CanonicalSpec(spec),
            state: pick(ServiceState.allCases, or: .stopped),
            since: time(),
            blockedBy: names(),
            run: maybe { Int64.random(in: 1...5, using: &$0) },
            revision: Int64.random(in: 1...9, using: &self),
            isStartRequested: .random(using: &self)
        )
    }

    mutating func standalone(_ name: QualifiedName) -> StandaloneRecord {
        let spec = action(name.name)
        return StandaloneRecord(
            name,
            spec: spec,
            canonical: CanonicalSpec(standalone: spec),
            revision: .random(in: 1...9, using: &self),
            job: maybe { Int64.random(in: 1...30, using: &$0) },
            requestedRun: RequestedRun.allCases.randomElement(using: &self) ?? .none,
            isScheduleActive: .random(using: &self),
            isRunQueued: .random(using: &self),
            lastDueAt: maybe { $0.time() },
            nextRunAt: maybe { $0.time() }
        )
    }

    /// A batch of random changes.
    mutating func changes(_ count: Int) -> [StoreChange] {
        (0..<count).map { _ in
            switch Int.random(in: 0...11, using: &self) {
            case 0:
                .revision(
                    RevisionRecord(
                        number: .random(in: 1...4, using: &self),
                        time: time(),
                        directory: text(),
                        gitCommit: maybe { $0.text() },
                        git: maybe { random in
                            GitSource(
                                repository: random.text(),
                                ref: random.text(),
                                path: random.text(),
                                author: random.text(),
                                subject: random.text(),
                                signer: random.maybe { $0.text() }
                            )
                        },
                        actor: text(),
                        summary: text(),
                        isDown: .random(using: &self),
                        isDownForAll: .random(using: &self),
                        prunes: .random(using: &self),
                        variables: [text(): text()]
                    ),
                    files: [file("a.yaml", text()), file("b.yaml", text())],
                    documents: [
                        StoredDocument(kind: "Service", name: name(), file: "a.yaml", line: 3),
                        StoredDocument(kind: "Settings", name: nil, file: "b.yaml", line: 1),
                    ]
                )
            case 1: .service(service(name()))
            case 2: .serviceState(name(), .failed, since: time(), blockedBy: names(), isStartRequested: false)
            case 3: .serviceRemoved(name())
            case 4:
                .run(
                    RunRecord(
                        id: .random(in: 1...5, using: &self),
                        service: name(),
                        revision: 1,
                        startedAt: time(),
                        endedAt: maybe { $0.time() }
                    )
                )
            case 5, 6: .job(job(.random(in: 1...30, using: &self)))
            case 10: .standalone(standalone(name()))
            case 11:
                Bool.random(using: &self)
                    ? .standaloneRemoved(name())
                    : .actionsRemoved([ActionKey(context: "core", service: maybe { $0.name().name }, action: "one")])
            case 7: Bool.random(using: &self) ? .jobsRemoved([.random(in: 1...30, using: &self)]) : .runsRemoved([2])
            case 8:
                .start(
                    StartRecord(
                        job: .random(in: 1...30, using: &self),
                        generation: .random(in: 0...30, using: &self),
                        startedAt: maybe { $0.time() },
                        endedAt: maybe { $0.time() },
                        outcome: maybe { $0.outcome() }
                    )
                )
            default:
                .event(
                    EventRecord(
                        time: time(),
                        level: pick(EventRecord.Level.allCases, or: .info),
                        source: text(),
                        subject: text(),
                        text: text()
                    )
                )
            }
        }
    }
}
