import HeroKernel
import HeroModel
import HeroPlan

/// What is asked of the machine about everything that is declared or runs, and what the answers mean for a plan.
struct ActionInspectionBatch {
    /// Whom a question is about.
    private struct Target: Hashable {
        /// The service, or the standalone action.
        var name: QualifiedName
        var isStandalone: Bool
        var action: String

        init(_ name: QualifiedName, isStandalone: Bool, action: String) {
            self.name = name
            self.isStandalone = isStandalone
            self.action = action
        }

        init(of job: JobRecord) {
            name = QualifiedName(job.service ?? job.action, context: job.context)
            isStandalone = job.service == nil
            action = job.action
        }
    }

    private var targets: [Target] = []
    private var jobs: [JobRecord?] = []
    /// What to ask.
    private(set) var requests: [ActionInspectionRequest] = []

    /// Asks about each active job, and about each action that binds something.
    init(_ desired: DesiredState, jobs active: [JobRecord], baseEnvironment: [String: String]) {
        let launcher = LaunchRequestBuilder(baseEnvironment: baseEnvironment)
        var rest: [Target: JobRecord] = [:]
        for job in active { rest[Target(of: job)] = job }
        for (name, declared) in desired.services where declared.spec.status == .start {
            for action in declared.spec.actions {
                let subject = Target(name, isStandalone: false, action: action.name)
                addRequest(subject, action, in: declared.spec, rest.removeValue(forKey: subject), launcher)
            }
        }
        for (name, declared) in desired.actions where declared.spec.isStandalone {
            let subject = Target(name, isStandalone: true, action: declared.spec.name)
            addRequest(subject, declared.spec, in: nil, rest.removeValue(forKey: subject), launcher)
        }
        // Of what nobody wants up only its processes matter.
        for (subject, job) in rest {
            append(subject, job, ActionInspectionRequest(order: .livenessOnly(recorded: job.process)))
        }
    }

    private mutating func addRequest(
        _ subject: Target,
        _ action: ActionSpec,
        in service: ServiceSpec?,
        _ job: JobRecord?,
        _ launcher: LaunchRequestBuilder
    ) {
        let bindsNothing = action.tcpPorts.isEmpty && action.sockets.isEmpty && action.pidFile == nil
        guard job != nil || !bindsNothing else { return }
        let asked = job ?? .placeholder(subject.name, action.name)
        var question = ActionInspectionRequest(order: launcher.blockerScanRequest(asked, action, in: service))
        if let job, job.phase == .running, !job.isStopping {
            question.startedAt = job.startedAt
            question.environmentFiles = Self.environmentFiles(of: action, in: service)
        }
        append(subject, job, question)
    }

    private mutating func append(_ subject: Target, _ job: JobRecord?, _ question: ActionInspectionRequest) {
        targets.append(subject)
        jobs.append(job)
        requests.append(question)
    }

    private static func environmentFiles(of action: ActionSpec, in service: ServiceSpec?) -> [String] {
        let own = service?.environment ?? [:]
        let values = own.merging(action.environment) { $1 }.values.compactMap { value -> String? in
            switch value {
            case .text: nil
            case .fromFile(let path): path
            }
        }
        return ((service?.environmentFiles ?? []) + action.environmentFiles + values.sorted()).uniqued
    }

    /// Whether the recorded process of each job that has one lives, by job.
    func livenessByJob(_ answers: [ActionInspectionResult]) -> [JobID: Bool] {
        var result: [JobID: Bool] = [:]
        for (job, answer) in zip(jobs, answers) {
            if let job, job.process != nil { result[job.id] = answer.isAlive }
        }
        return result
    }

    /// Adds what was found to an observation.
    func addResults(_ answers: [ActionInspectionResult], to observed: inout Observed) {
        for (subject, answer) in zip(targets, answers) {
            for claim in answer.claims {
                observed.holders.append(
                    ObservedHolder(
                        service: subject.name,
                        isStandalone: subject.isStandalone,
                        action: subject.action,
                        claim.holder,
                        owner: claim.job.map { targets[$0].name }
                    )
                )
            }
            guard !subject.isStandalone else { continue }
            let (name, action) = (subject.name, subject.action)
            observed.services[name]?.drift +=
                answer.lostSockets.map { .socketGone(name, action, path: $0) }
                + (answer.replacedProgram.map { [.programReplaced(name, action, path: $0)] } ?? [])
                + answer.changedFiles.map { .environmentFileChanged(name, action, path: $0) }
        }
        // Asked in no order, told in one.
        observed.holders.sort { ($0.service, $0.action, $0.pid) < ($1.service, $1.action, $1.pid) }
    }
}

extension JobRecord {
    /// The job of an action that has none yet, for the questions that are asked before a start.
    fileprivate static func placeholder(_ name: QualifiedName, _ action: String) -> JobRecord {
        JobRecord(
            id: 0,
            context: name.context,
            service: nil,
            action: action,
            run: nil,
            revision: 0,
            tags: [],
            createdAt: WallTime(microseconds: 0)
        )
    }
}

extension BlockerScanRequest {
    /// Nothing to be free: only whether the recorded process lives is asked.
    fileprivate static func livenessOnly(recorded: ProcessIdentity?) -> BlockerScanRequest {
        BlockerScanRequest(
            ports: [],
            sockets: [],
            pidFile: nil,
            program: "",
            environment: [],
            recorded: recorded
        )
    }
}

extension [String] {
    /// Each once, in the order they came first.
    fileprivate var uniqued: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
