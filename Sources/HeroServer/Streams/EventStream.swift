import Glibc
import HeroJSON
import HeroLinux
import HeroModel
import HeroStore

/// Sends the events of the database as server-sent events.
struct EventStream: Sendable {
    let data: ServerData
    /// The number of the last event that the client has; nil if it wants only new ones.
    let lastID: Int64?

    /// The time between two looks at the database, in milliseconds.
    private static let interval: Int32 = 250

    /// Sends events until the client is gone.
    func run(_ writer: StreamWriter) {
        guard writer.write("retry: 1000\n\n") else { return }
        var last: Int64?
        var seen: [Int64] = []
        var heartbeat = Heartbeat()
        repeat {
            let files = Self.fileState(data.paths.database)
            if last == nil || files != seen {
                seen = files
                guard sendNew(&last, writer, &heartbeat) else { return }
            }
            guard heartbeat.sendIfDue(writer) else { return }
        } while writer.wait(milliseconds: Self.interval)
    }

    /// Sends the events after `last`; returns false when the client is gone.
    private func sendNew(_ last: inout Int64?, _ writer: StreamWriter, _ heartbeat: inout Heartbeat) -> Bool {
        while true {
            let known = last
            guard let found = try? data.readRows({ try Self.events($0, after: known, wanted: lastID) }) else {
                return true
            }
            last = found.last
            guard !found.events.isEmpty else { return true }
            let text = found.events.map { "id: \($0.id)\ndata: \(RecordMethods.json($0).text())\n\n" }.joined()
            heartbeat.reset()
            guard writer.write(text) else { return false }
        }
    }

    private static func events(_ reader: StateReader, after known: Int64?, wanted: Int64?) throws -> (
        last: Int64, events: [NumberedEvent]
    ) {
        let newest = try reader.numberedEvents(EventFilter(limit: 1)).last?.id ?? 0
        var start = known ?? wanted ?? newest
        // An unknown number belongs to another database; it says nothing about the events of this one.
        if start > newest || start < 0 { start = newest }
        let events = try reader.numberedEvents(EventFilter(after: start, limit: 500))
        return (events.last?.id ?? start, events)
    }

    /// Changes whenever a transaction is committed.
    private static func fileState(_ database: String) -> [Int64] {
        [database, database + "-wal"].flatMap { path in
            var file = stat()
            guard stat(path, &file) == 0 else { return [Int64]() }
            return [
                Int64(bitPattern: UInt64(file.st_ino)), Int64(file.st_size), Int64(file.st_mtim.tv_sec),
                Int64(file.st_mtim.tv_nsec),
            ]
        }
    }
}

/// Sends a comment when nothing else was sent for a while, so that both sides notice a dead connection.
struct Heartbeat {
    private static let interval: Int64 = 15_000
    private var next = Connection.now() + Self.interval

    mutating func reset() { next = Connection.now() + Self.interval }

    /// Returns false when the client is gone.
    mutating func sendIfDue(_ writer: StreamWriter) -> Bool {
        guard Connection.now() >= next else { return true }
        reset()
        return writer.write(":\n\n")
    }
}
