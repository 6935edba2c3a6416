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

    /// Replaces the file atomically, or removes it if that fails.
    func write(_ database: String) {
        let path = Self.path(of: database)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let temporaryPath = path + ".new"
        let entries = files.map { FileEntry(path: $0.path, folder: $0.baseDirectory, bytes: Data($0.bytes)) }
        guard let data = try? encoder.encode(FileContent(revision: revision, files: entries)) else {
            return Self.remove(database)
        }
        let sealed = Data((data.withUnsafeBytes { contentDigest($0) } + "\n").utf8) + data + Data("\n".utf8)
        guard (try? sealed.write(to: URL(fileURLWithPath: temporaryPath))) != nil, chmod(temporaryPath, 0o600) == 0,
            rename(temporaryPath, path) == 0
        else {
            unlink(temporaryPath)
            return Self.remove(database)
        }
    }

    /// Reads the file; nil when it is missing or not valid.
    static func read(_ database: String) -> AppliedRevisionFile? {
        guard let sealed = try? Data(contentsOf: URL(fileURLWithPath: path(of: database))),
            let end = sealed.firstIndex(of: UInt8(ascii: "\n")), sealed.last == UInt8(ascii: "\n")
        else { return nil }
        let data = sealed[sealed.index(after: end)...].dropLast()
        guard data.withUnsafeBytes({ contentDigest($0) }) == String(decoding: sealed[..<end], as: UTF8.self),
            let content = try? JSONDecoder().decode(FileContent.self, from: Data(data))
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
