// Foundation, not FoundationEssentials: GRDB uses it, and static linking needs the import in the program itself.
import Foundation
import Glibc
import HeroKernel
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore

/// The directories, the database and the environment that a command works with.
///
/// Creating a workspace changes nothing.
struct Workspace {
    /// The environment of the process.
    let environment: [String: String]
    /// The services directory as the user wrote it; diagnostics begin with it.
    private(set) var displayDirectory: String
    /// The absolute path of the services directory, which is recorded.
    private(set) var directory: String
    /// Whether the services directory is `./services.d` and was not selected by an option or variable.
    let isDirectoryImplicit: Bool
    /// Whether the services directory was selected by an option or variable.
    let isDirectoryNamed: Bool
    /// The paths below the state and run directories.
    let paths: RuntimePaths

    /// Derives the directories from options, then the environment, then defaults.
    init(_ options: CommonOptions, environment: [String: String]) {
        self.environment = environment
        let named = Self.firstNonEmpty(options.dir, environment["HEROPROC_DIR"])
        displayDirectory = named ?? DefaultDirectories.services(environment)
        isDirectoryNamed = named != nil
        isDirectoryImplicit = named == nil && displayDirectory == "services.d"
        directory = ManifestFiles.absoluteDirectory(displayDirectory)
        let state =
            Self.firstNonEmpty(options.state, environment["HEROPROC_STATE"]) ?? DefaultDirectories.state(environment)
        paths = RuntimePaths.resolve(state: state, environment: environment)
    }

    /// The environment of this process.
    static var processEnvironment: [String: String] { ProcessInfo.processInfo.environment }

    /// Whether the required core manifests must be declared.
    var requiresCore: Bool { environment["HERO_PROC_NO_AUTOSTART_DB"] != "1" }

    /// The user that applies, for the history.
    var actor: String { UserDatabase.currentUserName }

    // MARK: Manifests

    /// Whether a time zone exists on this machine.
    var zoneExists: @Sendable (String) -> Bool {
        let zones = ZoneFiles(environment: environment)
        return { zones.mayExist($0) }
    }

    /// Reads a file of `vars_files`.
    var readVariableFile: @Sendable (String) -> Result<[UInt8], VariableFileError> {
        let directory = directory
        return { path in
            ManifestFiles.readVariableFile(path, directory: directory).mapError { VariableFileError($0.cause) }
        }
    }

    /// Reads the manifests of the services directory with the values of `--var`, and their diagnostics.
    func readManifests(_ variables: VariableOptions) throws -> (
        files: [ManifestFile], skipped: [SkippedManifest], result: ManifestResult
    ) {
        switch ManifestFiles.read(displayDirectory, namedBy: directory) {
        case .files(let files, let skipped):
            var options = ManifestOptions(
                requiresCore: requiresCore,
                variables: variables.values,
                environment: environment,
                zoneExists: zoneExists,
                readVariableFile: readVariableFile
            )
            options.now = now
            return (files, skipped, Manifests.read(files, skipped: skipped, options: options))
        case .unreadable(let reason):
            throw unreadableDirectoryError(reason)
        }
    }

    /// The error that the services directory cannot be read.
    private func unreadableDirectoryError(_ reason: String) -> CommandError {
        var file = stat()
        guard stat(directory, &file) != 0, errno == ENOENT else {
            return CommandError(
                "cannot read the services directory \(displayDirectory): \(reason)",
                help: "select another directory with --dir"
            )
        }
        let other = isDirectoryNamed ? "" : ", and neither does ./services.d"
        let option = isDirectoryNamed ? " --dir \(displayDirectory)" : ""
        return CommandError(
            "the services directory \(displayDirectory) does not exist\(other)",
            help: "`heroproc init\(option)` creates one with an example that runs; --dir selects another directory"
        )
    }

    /// Notes which missing variables had a value in the last revision.
    ///
    /// That value is not used automatically.
    func noteMissingVariables(_ result: ManifestResult, _ output: Output) {
        guard result.diagnostics.contains(where: { $0.code == DiagnosticCode.unresolvedVariable.rawValue }),
            let revision = try? openReader()?.revision()
        else { return }
        let names = revision.variables.keys.filter { result.variables[$0] == nil }.sorted()
        guard !names.isEmpty else { return }
        let options = names.map { "--var \($0)=..." }.joined(separator: " ")
        output.writeNote("revision \(revision.number) was applied with other values; set them again: \(options)")
    }

    /// The files with absolute paths.
    ///
    /// Records do not depend on the current directory.
    func withAbsolutePaths(_ files: [ManifestFile]) -> [ManifestFile] {
        files.map { file in
            let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
            return ManifestFile(
                path: "\(file.baseDirectory)/\(name)",
                baseDirectory: file.baseDirectory,
                bytes: file.bytes
            )
        }
    }

    // MARK: The runtime

    /// The manifests of a recorded revision with the variables of that time; nil when they cannot be decoded any more.
    func recordedManifests(_ revision: RevisionRecord, _ reader: StateReader) throws -> DesiredState? {
        let options = ManifestOptions(requiresCore: false, variables: revision.variables)
        return Manifests.read(try reader.files(of: revision.number), options: options).desired
    }

    /// Opens the database for reading; nil when it does not exist yet.
    ///
    /// - Throws: `StoreError`, also when it was removed while a reconciler manages jobs: what it knew is not nothing.
    func openReader() throws -> StateReader? {
        try paths.checkDatabaseForReading()
        if let reader = try StateReader(path: paths.database) { return reader }
        guard let reconciler = ReconcilerLock.holder(paths), JobRuntimeFiles.exist(paths) else { return nil }
        // A reconciler that has just started creates the database in a moment.
        for _ in 0..<50 {
            pause(milliseconds: 20)
            if let reader = try StateReader(path: paths.database) { return reader }
        }
        throw StoreError(
            .gone,
            "the state database \(paths.database) was removed while the reconciler (pid \(reconciler.pid)) used it; "
                + "`heroproc apply` or `heroproc down` makes it write the database again"
        )
    }

    /// The observed state for a plan: the records, verified against the machine.
    func observe(for desired: DesiredState) throws -> Observed {
        let holder = ReconcilerLock.holder(paths)
        // A running reconciler starts again by itself what has ended.
        let program: ((JobRecord) -> UnsupervisedProgram)? = holder == nil ? { unsupervisedProgram($0) } : nil
        let reader = try openReader()
        var observed = try Observation.read(
            reader,
            for: desired,
            baseEnvironment: BaseEnvironment.current(),
            unsupervisedProgram: program,
            checksStarts: isReconcilerUser,
            readContents: { ContentReader(key: ContentKey.read(paths)).read($0) }
        ) { requests in
            ActionInspector.inspect(requests, looksUpUsers: true)
        }
        observed.once = try onceHistory(reader)
        observed.machine = CgroupSupport.detect(environment: environment, of: holder?.pid).capabilities
        observed.machine?.maximumLimits = MaximumLimits.current
        return observed
    }

    /// What the record of a job's shim says about a program whose process is gone.
    private func unsupervisedProgram(_ job: JobRecord) -> UnsupervisedProgram {
        switch RecordedEndReader.read(job.id, generation: job.generation, paths) {
        case .mainEnded(let report): .ended(report.outcome)
        case .ended(let outcome): .ended(outcome)
        case .successorAwaited: .isStarting
        case .running: .isRunning
        case nil: .ended(nil)
        }
    }

    /// Whether this process has the user of the reconciler, so that it may look at the same files.
    private var isReconcilerUser: Bool {
        var file = stat()
        return stat(paths.state, &file) != 0 || file.st_uid == geteuid()
    }

    /// This workspace with the services directory named as in the last revision, or else as by the running reconciler,
    /// if that name leads to the same directory.
    ///
    /// Another path to the same directory is no change: relative paths in the manifests keep their meaning.
    var withRecordedDirectoryName: Workspace {
        let names = [(try? openReader()?.revision())?.directory, ReconcilerLock.holder(paths)?.directory]
        let name = names.lazy.compactMap { $0 }.first { !$0.isEmpty && ManifestFiles.isSameDirectory($0, directory) }
        var copy = self
        if let name { copy.directory = name }
        return copy
    }

    /// This workspace with another services directory.
    func withDirectory(_ path: String) -> Workspace {
        var copy = self
        copy.directory = path
        copy.displayDirectory = path
        return copy
    }

    /// Why a plan from this services directory is refused without `--switch-dir`; nil if it is not.
    ///
    /// The directory has its recorded name if it has one. A live reconciler that syncs refuses other directories
    /// itself, with its own message.
    func directorySwitchProblem(of plan: Plan) throws -> String? {
        guard ReconcilerLock.holder(paths)?.mode != ReconcilerMode.watch.rawValue,
            let revision = try openReader()?.revision(), !revision.directory.isEmpty,
            !revision.directory.utf8.elementsEqual(directory.utf8)
        else { return nil }
        return plan.directorySwitchProblem(from: revision.git?.directoryText ?? revision.directory, to: directory)
    }

    /// The help text of such a refusal.
    static let switchHelp = "apply the other directory with --dir, or confirm the switch with --switch-dir"

    /// The wall clock.
    var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
    }

    // MARK: Defaults

    private static func firstNonEmpty(_ option: String?, _ variable: String?) -> String? {
        option ?? variable.flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension WallTime {
    /// The time that lies the duration before this one.
    ///
    /// Saturates instead of overflowing.
    func earlier(by duration: Duration) -> WallTime {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(duration.wholeNanoseconds / 1000)
        return WallTime(microseconds: overflow ? .min : difference)
    }
}

/// Sleeps.
func pause(milliseconds: Int32) { _ = poll(nil, 0, milliseconds) }
