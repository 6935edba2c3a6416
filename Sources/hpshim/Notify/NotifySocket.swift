import CHeroRecord
import CHeroShim

/// The socket to which a program sends its state (sd_notify(3)); one for each start that has a notify probe or
/// watchdog.
///
/// The shim owns the socket, so no message is lost while no reconciler is running. It accepts messages only from
/// processes of this start: the kernel reports the sender, and `/proc` or the cgroup shows whether the sender belongs
/// to the job.
struct NotifySocket {
    private(set) var descriptor: Int32 = -1
    /// The address, in static memory; nil when the job has no notify socket.
    private let address: UnsafePointer<CChar>?
    private let shimPID = shim_own_pid()
    /// The user that may send, besides root; nil if every user may.
    private var sendingUser: UInt32?

    /// Takes the address as the spec has it, in static memory.
    init(_ address: UnsafePointer<CChar>?) {
        self.address = address
    }

    /// Binds the socket; returns 0 or an errno.
    ///
    /// A program that runs as root may change its user later and must still be able to send. Any other program keeps
    /// its user, so only that user gets access. `notify_from` overrides both. An abstract name has no mode, so the user is
    /// checked for each message as well.
    mutating func open(for rights: hero_rights, senders: UInt32) -> Int32 {
        guard let address else { return 0 }
        let changes = rights.changes_user != 0
        let isRoot = changes ? rights.uid == 0 : shim_is_root() != 0
        let allowsAll =
            senders == HERO_NOTIFY_SENDERS_ALL.rawValue || (isRoot && senders != HERO_NOTIFY_SENDERS_MAIN.rawValue)
        let result = shim_notify_open(address, changes ? Int64(rights.uid) : -1, allowsAll ? 0o666 : 0o600)
        guard result >= 0 else { return -result }
        sendingUser = allowsAll ? nil : changes ? rights.uid : shim_own_user()
        descriptor = result
        return 0
    }

    /// Receives the next datagram; nil when there is none.
    func receive(_ containment: Containment) -> Datagram? {
        guard descriptor >= 0 else { return nil }
        var sender: Int32 = 0
        var user: UInt32 = 0
        let bytes = shim_message()
        var length = shim_notify_receive(descriptor, bytes, Int(SHIM_MESSAGE_SIZE), &sender, &user)
        guard length >= 0 || length == -Int(SHIM_EMSGSIZE) else { return nil }
        guard isAllowed(user), isJobProcess(sender, containment) else { return .foreignSender }
        // One NUL at the end is allowed. A NUL inside the message would hide the text behind it.
        if length > 0, bytes[length - 1] == 0 { length -= 1 }
        guard length > 0, shim_first_nul(bytes, length) == nil else { return .malformed }
        return .text(UnsafePointer(bytes), length)
    }

    /// Whether a user may send.
    ///
    /// This is checked first, because it costs nothing.
    private func isAllowed(_ user: UInt32) -> Bool { sendingUser == nil || user == 0 || user == sendingUser }

    /// Whether a process belongs to this start: a descendant of the shim, or in its cgroup.
    ///
    /// A zombie counts until it is reaped. After that, nothing proves where it belonged.
    func isJobProcess(_ pid: Int32, _ containment: Containment) -> Bool {
        pid > 1 && (shim_is_descendant(pid, shimPID) == 1 || containment.contains(pid))
    }

    /// Closes the socket and removes its path.
    mutating func close() {
        guard descriptor >= 0 else { return }
        shim_close(descriptor)
        descriptor = -1
        if let address, address[0] == 0x2f { _ = shim_remove(address) }
    }

    /// One datagram.
    enum Datagram {
        /// A text and its length, in static memory until the next datagram is received.
        case text(UnsafePointer<CChar>, Int)
        /// A process of this start sent a datagram that is too long, empty or not a text.
        case malformed
        /// The sender does not belong to this start, or that cannot be proven.
        case foreignSender
    }
}
