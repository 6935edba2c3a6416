// Rule: the configuration of another supervisor in; manifests and a loss report out; no file, clock or environment.
//
// HeroConvert reads the files of other supervisors with the line of every key (Source/, Formats/), maps them to services
// and actions (Output/), and reports the fate of every key (Report/, Tables/). The same input gives the same bytes. What
// it writes is checked with the manifest reader before it is returned.

/// A format that can be imported.
public enum ImportFormat: String, CaseIterable, Sendable {
    /// Unit files of systemd, with drop-ins.
    case systemd
    /// Files of docker compose.
    case compose
    /// Files of process-compose.
    case processCompose = "process-compose"
    /// Files of supervisord.
    case supervisord
    /// Procfiles, as foreman and honcho read them.
    case procfile
    /// Service files of zinit.
    case zinit
}

/// One file to import.
public struct ImportFile: Sendable {
    /// The path as the user gave it.
    public var path: String
    /// The content.
    public var bytes: [UInt8]

    /// Creates a file.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// The last component of the path.
    var name: String { String(path.split(separator: "/").last ?? "") }
}

/// What to import, and how.
public struct ImportRequest: Sendable {
    /// The format of the files.
    public var format: ImportFormat
    /// The files, in the order of the command line.
    public var files: [ImportFile]
    /// The dangerous codes that the user has accepted.
    public var accepted: Set<LossCode>
    /// The path from the directory of the manifests to the directory of the files.
    public var sourceDirectory: String

    /// Creates a request.
    public init(
        _ format: ImportFormat,
        _ files: [ImportFile],
        accepted: Set<LossCode> = [],
        sourceDirectory: String = ".."
    ) {
        self.format = format
        self.files = files
        self.accepted = accepted
        self.sourceDirectory = sourceDirectory
    }
}

/// A manifest file to write.
public struct GeneratedFile: Hashable, Sendable {
    /// The name in the services directory.
    public var name: String
    /// The content.
    public var text: String
}

/// The manifests and the report of an import.
public struct ImportResult: Sendable {
    /// The files; they are written only if nothing is refused.
    public var files: [GeneratedFile]
    /// The fate of every key.
    public var report: LossReport
}

/// A file that cannot be imported.
public struct ImportError: Error, Hashable, Sendable {
    /// The path of the file.
    public var file: String
    /// The line, from 1; nil if the problem concerns the whole file.
    public var line: Int?
    /// What is wrong.
    public var message: String
    /// What to do about it.
    public var help: String?

    init(_ file: String, line: Int? = nil, _ message: String, help: String? = nil) {
        self.file = file
        self.line = line
        self.message = message
        self.help = help
    }
}

/// The limits of imported files.
enum ImportLimits {
    /// The maximum size of a file in bytes.
    static let fileBytes = 1 << 20
    /// The maximum size of one value in bytes.
    static let valueBytes = 32 << 10
    /// The maximum number of services and actions.
    static let services = 1000
    /// The maximum number of dependencies.
    static let dependencies = 20_000
    /// The maximum number of keys of all files.
    static let keys = 50_000
}

/// Imports the configuration of other supervisors.
public enum Importer {
    /// Converts files to manifests.
    ///
    /// - Throws: the first problem that makes a file unreadable.
    public static func convert(_ request: ImportRequest) throws(ImportError) -> ImportResult {
        guard !request.files.isEmpty else { throw ImportError("", "there is no file to import") }
        for file in request.files {
            guard file.bytes.count <= ImportLimits.fileBytes else {
                throw ImportError(file.path, "the file is larger than 1 MiB", help: "split it into several files")
            }
        }
        var state = ImportState(request)
        switch request.format {
        case .systemd: try SystemdImport.read(into: &state)
        case .compose: try ComposeImport.read(into: &state)
        case .processCompose: try ProcessComposeImport.read(into: &state)
        case .zinit: try ZinitImport.read(into: &state)
        case .supervisord: try SupervisordImport.read(into: &state)
        case .procfile: try ProcfileImport.read(into: &state)
        }
        return try state.finish()
    }
}
