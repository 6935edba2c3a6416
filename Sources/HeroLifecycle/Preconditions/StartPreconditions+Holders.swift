internal import HeroModel

extension StartPreconditions {
    /// Somebody in the way who may be stopped.
    struct StoppableHolder {
        var process: ForeignProcess
        var resource: ClaimedResource
        var allowedBy: String
    }

    /// Those who may be stopped, or why somebody in the way may not.
    static func findStoppableHolders(_ obstacles: StartBlockers, _ rules: Rules) -> (
        taken: [StoppableHolder], refusal: String?
    ) {
        var claims = obstacles.holders
        if case .namesProcess(let process, let path, let evidence) = obstacles.pidFile, evidence.isConclusive {
            // Proven by the file, it is an instance whatever else it holds.
            for index in claims.indices where claims[index].process?.identity == process.identity {
                claims[index].runsProgram = true
            }
            claims.insert(ResourceHolder(.pidFile(path), by: process, runsProgram: true), at: 0)
        }
        var taken: [StoppableHolder] = []
        for claim in claims {
            let protection = claim.process?.protectionReason
            let permission = protection == nil ? rules.keyAllowingStop(isInstance: claim.runsProgram) : nil
            guard let process = claim.process, let permission else {
                // Where there is room beside it, whoever may not be stopped is in nobody's way (reliability.md TP-4).
                if claim.isShared { continue }
                return ([], blockedReason(claim, protection, among: claims, rules))
            }
            guard !taken.contains(where: { $0.process.identity == process.identity }) else { continue }
            taken.append(StoppableHolder(process: process, resource: claim.resource, allowedBy: permission))
        }
        return (taken, nil)
    }

    /// Why nothing can be done about a holder.
    private static func blockedReason(
        _ claim: ResourceHolder,
        _ protection: String?,
        among claims: [ResourceHolder],
        _ rules: Rules
    ) -> String {
        guard let process = claim.process else {
            return "\(claim.resource) is held, and no process that holds it can be seen"
        }
        if let protection { return "\(holdersText(claim, [process], rules)); \(protection)" }
        let alike = similarHolders(claim, among: claims)
        let key = claim.runsProgram ? "singleton" : "kill_others"
        let pronoun = alike.count > 1 ? "them" : "it"
        return
            "\(holdersText(claim, alike, rules)); end \(pronoun), or allow \(pronoun) to be stopped with `\(key): true`"
    }

    /// Who holds what.
    private static func holdersText(_ claim: ResourceHolder, _ processes: [ForeignProcess], _ rules: Rules) -> String {
        let names = processes.prefix(maxNamedProcesses).map(\.description)
        let rest = processes.count - names.count
        let words = rest > 0 ? names + ["\(rest) more"] : names
        let all =
            words.count > 1 ? words.dropLast().joined(separator: ", ") + " and \(words.last ?? "")" : words.joined()
        switch claim.resource {
        case .pidFile(let path): return "\(all) is this action already, says \(path)"
        case .tcp(let endpoint) where rules.sharedPorts.contains(endpoint):
            return
                "\(claim.resource) is held by \(all), and cannot be shared: a socket on it has no SO_REUSEPORT, or is "
                + "another user's"
        case .tcp, .socket: return "\(claim.resource) is held by \(all)"
        }
    }

    /// A reason names this many processes; the plan lists them all.
    private static let maxNamedProcesses = 8

    /// All who hold the same, and whom the same key would allow to stop; workers are named by the one they descend from.
    private static func similarHolders(_ claim: ResourceHolder, among claims: [ResourceHolder]) -> [ForeignProcess] {
        let all = claims.filter { $0.resource == claim.resource && $0.runsProgram == claim.runsProgram }
            .compactMap(\.process).filter { $0.protectionReason == nil }
        let pids = Set(all.map(\.identity.pid))
        return all.filter { pids.isDisjoint(with: $0.ancestors) }
    }
}
