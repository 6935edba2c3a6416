import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

/// Finds the logs of a service or of a standalone action.
struct LogFinder {
    let workspace: Workspace
    let service: QualifiedName
    let action: String?

    /// Finds the logs of the actions of the last run; none if the service never ran.
    ///
    /// - Throws: `CommandError` for an unknown name, and if there is no start before the last one.
    func sources(_ selection: LogSelection) throws -> [LogSource] {
        let reader = try workspace.openReader()
        let jobs = try reader?.jobs(JobFilter(context: service.context, service: service.name)) ?? []
        guard let reader, let run = jobs.compactMap(\.run).max() else {
            return try standaloneSources(selection, reader)
        }
        var actions: [String] = []
        for job in jobs.reversed() where (job.run == run || job.action == action) && !actions.contains(job.action) {
            actions.append(job.action)
        }
        if let action {
            guard actions.contains(action) else { throw unknownActionError(action, actions) }
            actions = [action]
        }
        return try actions.compactMap { name in
            try source(jobs.filter { $0.action == name }, selection, reader)
        }
    }

    /// Finds the log of the standalone action with this name.
    private func standaloneSources(_ selection: LogSelection, _ reader: StateReader?) throws -> [LogSource] {
        let alone = try reader?.standaloneSummaries().map(\.name) ?? []
        let jobs = try reader?.jobs(JobFilter(context: service.context, action: service.name)) ?? []
        let own = jobs.filter { $0.service == nil }
        guard let reader, alone.contains(service) || !own.isEmpty else {
            try KnownNames((try reader?.serviceSummaries().map(\.name) ?? []) + alone).requireKnown([service])
            return []
        }
        if let action {
            throw CommandError(
                "there is no action \(action) of \(service.displayName)",
                help: "\(service.displayName) is a standalone action: `heroproc logs \(service.displayName)`"
            )
        }
        return try source(own, selection, reader).map { [$0] } ?? []
    }

    /// Selects the range of the log of one action; its jobs come newest first.
    private func source(_ jobs: [JobRecord], _ selection: LogSelection, _ reader: StateReader) throws -> LogSource? {
        guard let job = jobs.first else { return nil }
        let starts = try starts(of: job, reader)
        if selection.isPrevious {
            if starts.count >= 2 {
                return source(job, starts, from: starts[starts.count - 2], until: starts[starts.count - 1])
            }
            // The previous start may belong to an earlier run.
            for previous in jobs.dropFirst() {
                let earlier = try self.starts(of: previous, reader)
                if let last = earlier.last { return source(previous, earlier, from: last) }
            }
            let subject = job.service == nil ? service.displayName : "\(service.displayName).\(job.action)"
            throw CommandError("there is no earlier start of \(subject)")
        }
        if let since = selection.since { return source(job, starts, from: since) }
        return source(job, starts, from: selection.lines == nil ? starts.last : nil)
    }

    private func source(
        _ job: JobRecord,
        _ starts: [WallTime],
        from: WallTime?,
        until: WallTime? = nil
    ) -> LogSource {
        LogSource(
            name: service,
            isStandalone: job.service == nil,
            action: job.action,
            folder: "\(workspace.paths.logs)/\(job.context)/\(job.service ?? "_")/\(job.action)",
            job: job.id,
            from: from,
            until: until,
            starts: starts
        )
    }

    /// The times of the starts of a job, earliest first.
    ///
    /// The table has the ended starts, the job has the running one.
    private func starts(of job: JobRecord, _ reader: StateReader) throws -> [WallTime] {
        let ended = try reader.starts(of: job.id).compactMap(\.startedAt)
        return Set(ended + [job.startedAt].compactMap { $0 }).sorted()
    }

    private func unknownActionError(_ action: String, _ actions: [String]) -> CommandError {
        let near = Suggestion.nearest(action, actions).map { "did you mean `\(service.displayName).\($0)`?" }
        return CommandError(
            "there is no action \(action) of \(service.displayName)",
            help: near ?? "its actions are " + actions.joined(separator: ", ")
        )
    }
}
