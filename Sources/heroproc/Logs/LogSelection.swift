import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

/// What of a log is wanted.
struct LogSelection {
    /// So many lines from the end; nil for all.
    var lines: Int?
    /// Not before this.
    var since: WallTime?
    /// The start before the last one.
    var isPrevious: Bool
}

/// The log of one action: where it lies, and which stretch of it is wanted.
struct LogSource {
    /// The action.
    let action: String
    /// The folder of its logs.
    let folder: String
    /// Its job.
    let job: JobID
    /// The first moment that is wanted; nil for the beginning.
    let from: WallTime?
    /// The first moment that is not wanted any more; nil for the end.
    let until: WallTime?
    /// When its program was executed each time: nothing goes on from the start before.
    let starts: [WallTime]

    /// The active file.
    var activePath: String { "\(folder)/\(job).log" }

    /// Its files that may hold something of the stretch, oldest first.
    func files() -> [LogFile] {
        var found: [LogFile] = []
        for file in LogFiles.openAll(activePath, LogFile.init) {
            // The clock of file systems lags behind ours by a tick.
            if let from, file.modifiedAt < from.earlier(by: .seconds(1)) { break }
            let first = file.firstTimestamp
            if let until, let first, first >= until { continue }
            found.append(file)
            if let from, let first, first < from { break }
        }
        return found.reversed()
    }
}

/// Finds the logs of a service, or of an action outside of services.
struct LogFinder {
    let workspace: Workspace
    let service: QualifiedName
    let action: String?

    /// The logs of the actions of its last run; none when it never ran.
    ///
    /// - Throws: `Refusal` for a name that nobody knows, and for a start before that there is none of.
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

    /// The log of the standalone action of that name.
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
                help: "it is an action itself: `heroproc logs \(service.displayName)`"
            )
        }
        return try source(own, selection, reader).map { [$0] } ?? []
    }

    /// The wanted stretch of the log of one action, given its jobs, newest first.
    private func source(_ jobs: [JobRecord], _ selection: LogSelection, _ reader: StateReader) throws -> LogSource? {
        guard let job = jobs.first else { return nil }
        let starts = try starts(of: job, reader)
        if selection.isPrevious {
            if starts.count >= 2 {
                return source(job, starts, from: starts[starts.count - 2], until: starts[starts.count - 1])
            }
            // The start before may have been in another run.
            for former in jobs.dropFirst() {
                let earlier = try self.starts(of: former, reader)
                if let last = earlier.last { return source(former, earlier, from: last) }
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
            action: job.action,
            folder: "\(workspace.paths.logs)/\(job.context)/\(job.service ?? "_")/\(job.action)",
            job: job.id,
            from: from,
            until: until,
            starts: starts
        )
    }

    /// When the program of a job was executed, earliest first: those that ended are in the table of starts, the one
    /// that runs is in the job.
    private func starts(of job: JobRecord, _ reader: StateReader) throws -> [WallTime] {
        let ended = try reader.starts(of: job.id).compactMap(\.startedAt)
        return Set(ended + [job.startedAt].compactMap { $0 }).sorted()
    }

    private func unknownActionError(_ action: String, _ actions: [String]) -> CommandError {
        let near = Suggestion.nearest(action, actions).map { "did you mean `\(service.displayName).\($0)`?" }
        return CommandError(
            "there is no action \(action) of \(service.displayName)",
            help: near ?? "it has " + actions.joined(separator: ", ")
        )
    }
}
