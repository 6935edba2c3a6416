import Glibc
import HeroKernel
import HeroModel

/// What a helper process does before a shim is started: the folders of the action, and the link to its log.
extension ShimTracker {
    /// Makes the folders and the link of a start, and then launches it.
    func prepare(_ request: LaunchRequest, as account: AccountLookups.Result) {
        guard case .success(let user) = account else { return launch(request, as: account) }
        LogAccess.update(request.logFile, hasLink: request.log.link != nil, user, paths)
        let tasks = request.folders.map(PathTask.folder) + linkTasks(request)
        guard !tasks.isEmpty else { return launch(request, as: account) }
        pendingPreparations[request.start] = helperTasks.start(
            request.label,
            PathHelper.arguments(tasks, user)
        ) { [weak self] result in
            guard let self else { return }
            pendingPreparations[request.start] = nil
            let results = Self.results(result, of: tasks)
            // Without its folders the program does not start; without its link it does.
            if let failure = zip(tasks, results).lazy.compactMap({ $0.isFolder ? $1 : nil }).first {
                accountLookups.removeFoundAccount(request.start)
                let reason = StartFailure(stage: .folder, errno: failure.number, detail: failure.cause)
                return reportEnd(request.start, .startFailed(reason))
            }
            finishLink(request, user, tasks, results)
            launch(request, as: account)
        }
    }

    /// Cancels a launch that waits for its folders or its link.
    ///
    /// - Returns: false if this start does not wait for them.
    func cancelPreparation(_ start: StartID) -> Bool {
        guard let task = pendingPreparations.removeValue(forKey: start) else { return false }
        helperTasks.cancel(task)
        accountLookups.removeFoundAccount(start)
        let detail = "it was stopped before the file system had responded"
        reportEnd(start, .startFailed(StartFailure(stage: .folder, errno: ECANCELED, detail: detail)))
        return true
    }

    /// Makes or removes the link to the log of a running start, after its manifest has changed.
    func updateLogLink(_ request: LaunchRequest) {
        _ = accountLookups.find(request.rights, for: request.start) { [weak self] account in
            guard let self, case .success(let user) = account else { return }
            LogAccess.update(request.logFile, hasLink: request.log.link != nil, user, paths)
            let tasks = linkTasks(request)
            guard !tasks.isEmpty else { return }
            _ = helperTasks.start(request.label, PathHelper.arguments(tasks, user)) { [weak self] result in
                self?.finishLink(request, user, tasks, Self.results(result, of: tasks))
            }
        }
    }

    /// Removes links of jobs that are deleted.
    func removeLogLinks(_ links: [(link: LogLink, log: String)]) {
        for (link, log) in links {
            let task = PathTask.unlink(link.path, target: log)
            _ = helperTasks.start(link.path, PathHelper.arguments([task], link.account)) { _ in }
        }
    }

    private func linkTasks(_ request: LaunchRequest) -> [PathTask] {
        let log = paths.logs + "/" + request.logFile
        let earlier = LogLink.read(request.start.job, in: logFolder(request))
        var tasks: [PathTask] = []
        if let earlier, earlier.path != request.log.link { tasks.append(.unlink(earlier.path, target: log)) }
        if let path = request.log.link { tasks.append(.link(path, target: log, logs: paths.logs)) }
        return tasks
    }

    /// Reports why the link could not be made, and remembers a link that was made.
    private func finishLink(
        _ request: LaunchRequest,
        _ account: Account?,
        _ tasks: [PathTask],
        _ results: [PathWalk.Failure?]
    ) {
        for (task, failure) in zip(tasks, results) {
            switch task {
            case .folder: continue
            case .unlink: LogLink.store(nil, of: request.start.job, in: logFolder(request))
            case .link(let path, target: _, logs: _):
                if let failure {
                    reactor.emit(.warning(request.label, "log.link: \(failure.cause)"))
                } else {
                    makeLogFolder(request)
                    LogLink.store(LogLink(path, account), of: request.start.job, in: logFolder(request))
                }
            }
        }
    }

    private func logFolder(_ request: LaunchRequest) -> String {
        let path = paths.logs + "/" + request.logFile
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? paths.logs
    }

    private func makeLogFolder(_ request: LaunchRequest) {
        var path = paths.logs
        for part in request.logFile.split(separator: "/").dropLast() {
            path += "/\(part)"
            mkdir(path, 0o700)
        }
    }

    private static func results(_ result: Result<[UInt8], HelperTasks.Failure>, of tasks: [PathTask])
        -> [PathWalk.Failure?]
    {
        let failure: PathWalk.Failure
        switch result {
        case .success(let bytes):
            if let results = PathHelper.decode(bytes, count: tasks.count) { return results }
            failure = PathWalk.Failure(EAGAIN, "the helper process ended without a result")
        case .failure(let error): failure = PathWalk.Failure(error.number, error.cause)
        }
        return tasks.map { _ in failure }
    }
}

extension PathTask {
    /// Whether a start fails without it.
    fileprivate var isFolder: Bool {
        switch self {
        case .folder: true
        case .link, .unlink: false
        }
    }
}
