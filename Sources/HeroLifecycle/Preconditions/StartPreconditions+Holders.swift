internal import HeroModel

extension StartPreconditions {
    /// A process that holds a resource of the action and that heroproc may stop.
    struct StoppableHolder {
        var process: ForeignProcess
        var resource: ClaimedResource
        /// The manifest key that allows the stop.
        var allowedBy: String
    }

    /// The holders that may be stopped, or the reason why one of them may not.
    static func findStoppableHolders(
        _ blockers: StartBlockers,
        _ rules: Rules
    ) -> (stoppable: [StoppableHolder], blockedReason: String?) {
        var holders = blockers.holders
        if case .namesProcess(let process, let path, let evidence) = blockers.pidFile, evidence.isConclusive {
            // The PID file proves that the process is an instance of the action, so all its resources count as held by
            // one.
            for index in holders.indices where holders[index].process?.identity == process.identity {
                holders[index].runsProgram = true
            }
            holders.insert(ResourceHolder(.pidFile(path), by: process, runsProgram: true), at: 0)
        }
        var stoppable: [StoppableHolder] = []
        for holder in holders {
            let protection = holder.process?.protectionReason ?? holder.passedSocketReason
            let key = protection == nil ? rules.keyAllowingStop(isInstance: holder.runsProgram) : nil
            guard let process = holder.process, let key else {
                // A shared port does not block the start, so its holder can stay (TP-4).
                if holder.isShared { continue }
                return ([], blockedReason(holder, protection, among: holders, rules))
            }
            guard !stoppable.contains(where: { $0.process.identity == process.identity }) else { continue }
            stoppable.append(StoppableHolder(process: process, resource: holder.resource, allowedBy: key))
        }
        return (stoppable, nil)
    }

    /// Why a holder may not be stopped.
    private static func blockedReason(
        _ holder: ResourceHolder,
        _ protection: String?,
        among holders: [ResourceHolder],
        _ rules: Rules
    ) -> String {
        guard let process = holder.process else {
            guard let user = holder.socketUser else {
                return "\(holder.resource) is held, and no process that holds it can be seen"
            }
            return "\(holder.resource) is held by a process of user \(user) that heroproc may not inspect"
        }
        if let protection { return "\(holdersText(holder, [process], rules)); \(protection)" }
        let processes = similarHolders(holder, among: holders)
        let key = holder.runsProgram ? "singleton" : "kill_others"
        let pronoun = processes.count > 1 ? "them" : "it"
        return "\(holdersText(holder, processes, rules)); "
            + "stop \(pronoun), or allow heroproc to stop \(pronoun) with `\(key): true`"
    }

    /// Which processes hold the resource.
    private static func holdersText(
        _ holder: ResourceHolder,
        _ processes: [ForeignProcess],
        _ rules: Rules
    ) -> String {
        let names = processes.prefix(maxNamedProcesses).map(\.description)
        let rest = processes.count - names.count
        let items = rest > 0 ? names + ["\(rest) more"] : names
        let list =
            items.count > 1 ? items.dropLast().joined(separator: ", ") + " and \(items.last ?? "")" : items.joined()
        switch holder.resource {
        case .pidFile(let path): return "\(list) already runs this action, as \(path) shows"
        case .tcp(let endpoint) where rules.sharedPorts.contains(endpoint):
            return "\(holder.resource) is held by \(list), and cannot be shared because a socket on it has no "
                + "SO_REUSEPORT or belongs to another user"
        case .tcp, .socket: return "\(holder.resource) is held by \(list)"
        }
    }

    /// A reason names this many processes; the plan lists them all.
    private static let maxNamedProcesses = 8

    /// The processes that hold the same resource and could be stopped by the same key, without those that descend from
    /// one of them.
    private static func similarHolders(_ holder: ResourceHolder, among holders: [ResourceHolder]) -> [ForeignProcess] {
        let processes = holders.filter { $0.resource == holder.resource && $0.runsProgram == holder.runsProgram }
            .compactMap(\.process).filter { $0.protectionReason == nil }
        let pids = Set(processes.map(\.identity.pid))
        return processes.filter { pids.isDisjoint(with: $0.ancestors) }
    }
}
