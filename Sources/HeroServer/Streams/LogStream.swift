import HeroJSON
import HeroModel

/// Sends the lines of a service as server-sent events.
struct LogStream: Sendable {
    let logs: String
    /// The service or standalone action.
    let name: QualifiedName
    let isStandalone: Bool
    /// The action; nil for all actions of the service.
    let action: String?
    /// The positions that the client has; nil if it has none.
    let positions: LogPositions?
    /// The number of last lines to begin with.
    let lines: Int

    private static let interval: Int32 = 200

    /// Sends lines until the client is gone.
    func run(_ writer: StreamWriter) {
        guard writer.write("retry: 1000\n\n") else { return }
        var readers: [String: ActionLogReader] = [:]
        var sent = LogPositions()
        var heartbeat = Heartbeat()
        var isFirst = true
        repeat {
            for action in actions() where readers[action] == nil {
                let reader = ActionLogReader(folder(action))
                let resumed = positions?.cursors[action]
                if resumed.map(reader.resume) != true, isFirst, positions == nil || resumed != nil {
                    reader.begin(lines: positions == nil ? lines : 0)
                }
                // Every later ID names this action, so a resumed stream does not repeat its older lines.
                if let position = reader.cursor { sent.cursors[action] = position }
                readers[action] = reader
            }
            isFirst = false
            for (action, reader) in readers.sorted(by: { $0.key < $1.key }) {
                guard send(reader, action, writer, &sent, &heartbeat) else { return }
            }
            guard heartbeat.sendIfDue(writer) else { return }
        } while writer.wait(milliseconds: Self.interval)
    }

    private func send(
        _ reader: ActionLogReader,
        _ action: String,
        _ writer: StreamWriter,
        _ sent: inout LogPositions,
        _ heartbeat: inout Heartbeat
    ) -> Bool {
        while true {
            let lines = reader.readLines()
            guard !lines.isEmpty else { return true }
            var text = ""
            for line in lines {
                sent.cursors[action] = line.next
                text += "id: \(sent)\ndata: \(json(line, action).text())\n\n"
            }
            heartbeat.reset()
            guard writer.write(text) else { return false }
        }
    }

    /// A line of a log file: `TIME stdout F TEXT`; `P` means that the text continues in the next line.
    private func json(_ line: ActionLogReader.Line, _ action: String) -> JSONValue {
        let parts = line.bytes.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        let isComplete = parts.count == 4 && parts[2].count == 1
        func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        return [
            "time": isComplete ? .string(text(parts[0])) : .null,
            "context": .string(name.context),
            "service": isStandalone ? .null : .string(name.name),
            "action": .string(action),
            "job": .integer(line.next.job),
            "stream": isComplete ? .string(text(parts[1])) : .null,
            "partial": .bool(isComplete && parts[2] == [UInt8(ascii: "P")]),
            "text": .string(text(isComplete ? parts[3] : line.bytes)),
        ]
    }

    private func actions() -> [String] {
        if isStandalone { return [name.name] }
        return action.map { [$0] } ?? LogFolder.names(in: "\(logs)/\(name.context)/\(name.name)")
    }

    private func folder(_ action: String) -> LogFolder {
        LogFolder(path: "\(logs)/\(name.context)/\(isStandalone ? "_" : name.name)/\(action)")
    }
}
