internal import Foundation
internal import HeroJSON
public import HeroModel

/// The copy of the history of actions with `once` in a separate file next to the database (`once.json`).
///
/// If the database is lost, this file counts. It is written before the commit, because the success of a program is a
/// fact, and nothing that depends on it may start before it is durable. If it cannot be written it is removed, so it
/// never lacks a record that the database has.
public enum OnceFile {
    static func path(of database: String) -> String { database.parentDirectory + "/once.json" }

    /// Reads the file next to a database; nil when it is missing or not valid.
    public static func read(nextTo database: String) -> OnceHistory? {
        guard let data = SealedFile.read(path(of: database)),
            let content = try? JSONDecoder().decode(Content.self, from: data), content.version == 1
        else { return nil }
        return OnceHistory(content.records, isLost: content.isLost)
    }

    /// Replaces the file atomically and durably, or removes it if that fails.
    static func write(_ history: OnceHistory, nextTo database: String) {
        let path = path(of: database)
        let content = Content(records: history.records, isLost: history.isLost)
        let text = try? SortedJSONEncoder.encode(content)
        guard let text, SealedFile.write(Data(text), to: path, isDurable: true) else {
            unlink(path)
            return
        }
    }

    private struct Content: Codable {
        var version = 1
        var records: [OnceRecord]
        var isLost: Bool
    }
}
