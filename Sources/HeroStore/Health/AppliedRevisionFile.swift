internal import Foundation
public import HeroModel

/// The last applied revision with its manifests, in a file of its own beside the database.
///
/// Whoever keeps what was applied, and has no directory to read it from, would otherwise not know what is wanted once the
/// database is lost (reliability.md DB-5). It is written after the commit, so it is never ahead; when it cannot be
/// written it is removed, so it is never far behind.
public struct AppliedRevisionFile: Hashable, Sendable, Codable {
    /// The revision.
    public var revision: RevisionRecord
    /// Its files, in their order.
    public var files: [ManifestFile]

    /// Makes a copy.
    public init(revision: RevisionRecord, files: [ManifestFile]) {
        self.revision = revision
        self.files = files
    }

    static func path(of database: String) -> String { database.parentDirectory + "/applied.json" }

    /// Writes it, in one step; or removes the one before.
    func write(_ database: String) {
        let path = Self.path(of: database)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let draft = path + ".new"
        let texts = files.map { FileEntry(path: $0.path, folder: $0.baseDirectory, bytes: Data($0.bytes)) }
        guard let data = try? encoder.encode(FileContent(revision: revision, files: texts)) else {
            return Self.remove(database)
        }
        let sealed = Data((data.withUnsafeBytes { contentDigest($0) } + "\n").utf8) + data + Data("\n".utf8)
        guard (try? sealed.write(to: URL(fileURLWithPath: draft))) != nil, chmod(draft, 0o600) == 0,
            rename(draft, path) == 0
        else {
            unlink(draft)
            return Self.remove(database)
        }
    }

    /// Reads it; nil when there is none, or not a whole one.
    static func read(_ database: String) -> AppliedRevisionFile? {
        guard let sealed = try? Data(contentsOf: URL(fileURLWithPath: path(of: database))),
            let end = sealed.firstIndex(of: UInt8(ascii: "\n")), sealed.last == UInt8(ascii: "\n")
        else { return nil }
        let data = sealed[sealed.index(after: end)...].dropLast()
        guard data.withUnsafeBytes({ contentDigest($0) }) == String(decoding: sealed[..<end], as: UTF8.self),
            let stored = try? JSONDecoder().decode(FileContent.self, from: Data(data))
        else { return nil }
        let files = stored.files.map { ManifestFile(path: $0.path, baseDirectory: $0.folder, bytes: Array($0.bytes)) }
        return AppliedRevisionFile(revision: stored.revision, files: files)
    }

    private static func remove(_ database: String) { unlink(path(of: database)) }

    /// As it stands in the file: bytes as base 64, not as a list of numbers.
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
