internal import Foundation
public import HeroModel

/// The last applied revision with its manifests, in a separate file next to the database (`applied.json`).
///
/// If the database is lost, a reconciler that runs without a services directory reads the desired state from this file
/// (guarantee DB-5). The file is written after the commit, so it is never newer than the database. If it cannot be
/// written it is removed, so it is never older than one revision.
public struct AppliedRevisionFile: Hashable, Sendable {
    /// The revision.
    public var revision: RevisionRecord
    /// Its manifest files, in their order.
    public var files: [ManifestFile]

    /// Creates the content of the file.
    public init(revision: RevisionRecord, files: [ManifestFile]) {
        self.revision = revision
        self.files = files
    }

    static func path(of database: String) -> String { database.parentDirectory + "/applied.json" }

    /// Whether there is such a file next to a database, valid or not.
    static func exists(nextTo database: String) -> Bool { access(path(of: database), F_OK) == 0 }

    /// Replaces the file atomically, or removes it if that fails.
    func write(_ database: String) {
        let path = Self.path(of: database)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let entries = files.map { FileEntry(path: $0.path, folder: $0.baseDirectory, bytes: Data($0.bytes)) }
        guard let data = try? encoder.encode(FileContent(revision: revision, files: entries)),
            SealedFile.write(data, to: path)
        else {
            return Self.remove(database)
        }
    }

    /// Reads the file; nil when it is missing or not valid.
    public static func read(_ database: String) -> AppliedRevisionFile? {
        guard let data = SealedFile.read(path(of: database)),
            let content = try? JSONDecoder().decode(FileContent.self, from: data)
        else { return nil }
        let files = content.files.map { ManifestFile(path: $0.path, baseDirectory: $0.folder, bytes: Array($0.bytes)) }
        return AppliedRevisionFile(revision: content.revision, files: files)
    }

    private static func remove(_ database: String) { unlink(path(of: database)) }

    /// The content as it is encoded: bytes as base 64 and not as a list of numbers.
    private struct FileContent: Codable {
        var revision: RevisionRecord
        var files: [FileEntry]
    }

    private struct FileEntry: Codable {
        var path: String
        var folder: String
        var bytes: Data
    }
}
