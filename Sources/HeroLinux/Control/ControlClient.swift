import CHeroLinux
import Glibc
import HeroModel

/// The client end of the control socket.
public final class ControlClient {
    /// The result of waiting for a line.
    public enum Line: Hashable, Sendable {
        /// A line, without its line feed.
        case line([UInt8])
        /// No line arrived in time.
        case timedOut
        /// The reconciler closed the connection.
        case ended
        /// The reconciler closed the connection without having read what was sent.
        case unread
    }

    private let socket: Descriptor
    private var buffer: [UInt8] = []
    private var searchedCount = 0

    private init(_ socket: Descriptor) {
        self.socket = socket
    }

    /// Connects to the reconciler of a state directory.
    ///
    /// - Returns: nil if no reconciler is listening.
    /// - Throws: If a reconciler may be running but the connection is refused.
    public static func connect(_ paths: RuntimePaths) throws(LinuxError) -> ControlClient? {
        for _ in 0..<100 {
            var pending: Int32 = 0
            let number = hl_connect_unix(paths.controlSocket, &pending)
            if number >= 0 { return try verifyPeer(Descriptor(number), paths) }
            switch 0 &- number {
            case ENOENT, ECONNREFUSED, ENOTDIR: return nil
            // The queue of a busy reconciler is full for a moment.
            case EAGAIN: hl_sleep(20_000_000)
            default: throw LinuxError(cannot: "connect to \(paths.controlSocket)", 0 &- number)
            }
        }
        throw LinuxError(cannot: "connect to \(paths.controlSocket)", because: "the reconciler does not respond")
    }

    /// The reconciler must run as root or as this user; requests are sent to no other user's process (AP-1).
    private static func verifyPeer(_ socket: Descriptor, _ paths: RuntimePaths) throws(LinuxError) -> ControlClient {
        var user: UInt32 = .max
        let task = "communicate with the reconciler at \(paths.controlSocket)"
        try check(hl_peer_user(socket.number, &user), task)
        guard user == 0 || user == geteuid() else {
            throw LinuxError(cannot: task, because: "a process of the user \(user) listens there")
        }
        return ControlClient(socket)
    }

    /// The error that the reconciler closed the connection without having read the request.
    public static let unreadError = LinuxError(cannot: "communicate with the reconciler", ECONNRESET)

    /// Sends one message and a line feed.
    ///
    /// - Throws: `unreadError` when the reconciler has closed the connection.
    public func send(_ message: [UInt8], timeout: Duration = .seconds(10)) throws(LinuxError) {
        let bytes = message + [UInt8(ascii: "\n")]
        let deadline = hl_boot_clock() + timeout.wholeNanoseconds
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes { buffer in
                hl_send(
                    socket.number,
                    UnsafeRawBufferPointer(rebasing: buffer[sent...]).baseAddress,
                    buffer.count - sent
                )
            }
            if result >= 0 {
                sent += Int(result)
            } else if result == -EAGAIN {
                guard wait(Int16(POLLOUT), until: deadline) else {
                    throw LinuxError(cannot: "communicate with the reconciler", because: "it does not read requests")
                }
            } else if result == -EPIPE || result == -ECONNRESET {
                throw Self.unreadError
            } else if result != -EINTR {
                throw LinuxError(cannot: "communicate with the reconciler", 0 &- result)
            }
        }
    }

    /// Returns the next line of the reply.
    ///
    /// - Parameter timeout: nil waits for an unlimited time.
    /// - Returns: A line, or the reason why there is none.
    public func nextLine(timeout: Duration?) -> Line {
        let deadline = timeout.map { hl_boot_clock().addingReportingOverflow($0.wholeNanoseconds) }
            .map { $0.overflow ? .max : $0.partialValue }
        while true {
            if let end = buffer[searchedCount...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                searchedCount = 0
                return .line(line)
            }
            searchedCount = buffer.count
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                buffer += chunk[..<count]
            } else if count == 0 {
                return .ended
            } else if errno == EAGAIN {
                guard wait(Int16(POLLIN), until: deadline) else { return .timedOut }
            } else if errno == ECONNRESET {
                // Linux reports this for a Unix socket whose other end was closed with bytes that were not read.
                return .unread
            } else if errno != EINTR {
                return .ended
            }
        }
    }

    private func wait(_ events: Int16, until deadline: Int64?) -> Bool {
        var timeout: Int32 = -1
        if let deadline {
            let rest = deadline.subtractingReportingOverflow(hl_boot_clock())
            guard !rest.overflow, rest.partialValue > 0 else { return false }
            timeout = Int32(clamping: rest.partialValue / 1_000_000 + 1)
        }
        var entry = pollfd(fd: socket.number, events: events, revents: 0)
        // The caller checks again after an interrupted or early wait.
        _ = poll(&entry, 1, timeout)
        return true
    }
}
