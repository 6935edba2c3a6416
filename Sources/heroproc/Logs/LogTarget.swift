import HeroLinux
import HeroModel
import HeroStore

/// A service, an action of a service, or a standalone action, whose log is shown.
struct LogTarget: Hashable {
    /// The service, or the standalone action.
    let name: QualifiedName
    /// The action; nil for all actions.
    let action: String?
}

/// Finds the logs that the arguments of `logs` select.
struct LogTargets {
    let workspace: Workspace
    /// The selections; none selects everything.
    let arguments: [LogArgument]

    /// Whether only one service or action is named, so that its lines need no name.
    var isSingleName: Bool {
        guard arguments.count == 1 else { return false }
        switch arguments.first {
        case .action, .services(.name): return true
        case .services(.context), .services(.tag), nil: return false
        }
    }

    /// The selected services and actions, each once.
    ///
    /// - Throws: `CommandError` for an unknown name, and for a context or a tag that nothing has.
    func targets() throws -> [LogTarget] {
        let reader = try workspace.openReader()
        let declared = try reader?.revision().flatMap { revision in
            try reader.flatMap { try workspace.recordedManifests(revision, $0) }
        }
        let names = try reader?.serviceSummaries().map(\.name) ?? []
        let standalone = try reader?.standaloneSummaries().map(\.name) ?? []
        let all = Selectable(names + standalone, declared)
        guard !arguments.isEmpty else { return all.names.sorted().map { LogTarget(name: $0, action: nil) } }
        var result: [LogTarget] = []
        for argument in arguments {
            let found: [LogTarget] =
                switch argument {
                case .action(let target): [target]
                // A removed service still has its log: the finder refuses unknown names.
                case .services(.name(let name)): [LogTarget(name: name, action: nil)]
                case .services(let selector): try all.select([selector]).map { LogTarget(name: $0, action: nil) }
                }
            for target in found where !result.contains(target) { result.append(target) }
        }
        return result
    }

    /// The logs of the selected services and actions, those that have run.
    func sources(_ selection: LogSelection) throws -> [LogSource] {
        let targets = try targets()
        var result: [LogSource] = []
        var firstError: CommandError?
        var folders: Set<String> = []
        for target in targets {
            let finder = LogFinder(workspace: workspace, service: target.name, action: target.action)
            do {
                for source in try finder.sources(selection) where folders.insert(source.folder).inserted {
                    result.append(source)
                }
            } catch let error as CommandError {
                // Of several services only some may have an earlier start.
                guard selection.isPrevious, targets.count > 1 else { throw error }
                firstError = firstError ?? error
            }
        }
        if result.isEmpty, let firstError { throw firstError }
        return result
    }

    /// The message that nothing selected has ever run.
    var nothingText: String {
        guard isSingleName, let target = try? targets().first else { return "no selected service has ever run" }
        return "\(target.name.displayName) has never run"
    }
}
