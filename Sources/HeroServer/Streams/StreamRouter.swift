import Glibc
import HeroJSON
import HeroLinux
import HeroModel

/// Finds the stream of a request.
struct StreamRouter: Sendable {
    let data: ServerData

    private static let head = HTTPResponse(status: .ok, contentType: "text/event-stream")

    /// `GET /events`.
    func events(_ request: HTTPRequest) -> Reply {
        // An ID that is no number is unknown, like one of another database.
        let last = request.header("last-event-id").map { Int64($0) ?? .max }
        let stream = EventStream(data: data, lastID: last)
        return .stream(Self.head) { stream.run($0) }
    }

    /// `GET /logs/CONTEXT/SERVICE[/ACTION]`.
    func logs(_ request: HTTPRequest) -> Reply {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2).map(String.init)
        guard (2...3).contains(parts.count), parts.allSatisfy(QualifiedName.isValid) else {
            return .response(.error(.notFound, "write /logs/CONTEXT/SERVICE or /logs/CONTEXT/SERVICE/ACTION"))
        }
        let name = QualifiedName(parts[1], context: parts[0])
        let action = parts.count > 2 ? parts[2] : nil
        do throws(RPCError) {
            guard let isStandalone = try findKind(of: name, action) else {
                return .response(.error(.notFound, "there is no service \(name)"))
            }
            let id = request.header("last-event-id")
            let lines = request.parameter("lines").flatMap { Int($0) } ?? 10
            let stream = LogStream(
                logs: data.paths.logs,
                name: name,
                isStandalone: isStandalone,
                action: action,
                positions: id.flatMap { LogPositions($0) },
                lines: id == nil ? min(max(0, lines), 10_000) : 0
            )
            return .stream(Self.head) { stream.run($0) }
        } catch {
            return .response(.error(.unavailable, error.message))
        }
    }

    /// Whether the name is that of a standalone action; nil if it is unknown.
    private func findKind(of name: QualifiedName, _ action: String?) throws(RPCError) -> Bool? {
        let document = try data.status().document
        for service in document.items("services") where service.isNamed(name) {
            guard let action else { return false }
            return service.items("actions").contains { $0.text(of: "name") == action } ? false : nil
        }
        return document.items("standalone").contains { $0.isNamed(name) } && action == nil ? true : nil
    }
}

/// The wall clock.
enum Clock {
    static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
    }
}
