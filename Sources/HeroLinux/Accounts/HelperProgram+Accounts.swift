import CHeroLinux
import HeroModel

extension HelperProgram {
    /// Starts a lookup process.
    func start(_ query: Account.Query) throws(StartError) -> Running {
        var error: Int32 = 0
        if let running = start(AccountLookupReply.arguments(query), &error) { return running }
        let detail = "\(query.displayName): the lookup cannot be started: \(path): \(errorText(error))"
        throw StartError(.user, error, detail)
    }

    /// Looks up the entry of a user in any user database of the machine and waits for the reply, at most for `limit`.
    ///
    /// - Returns: nil when there is no entry, or no reply in time.
    func entry(of uid: UInt32, within limit: Duration) -> Account.Entry? {
        var error: Int32 = 0
        guard let running = start(AccountLookupReply.arguments(ofUser: uid), &error) else { return nil }
        var bytes: [UInt8] = []
        _ = running.readReply(into: &bytes, until: hl_boot_clock() &+ limit.wholeNanoseconds)
        running.end(tries: 10)
        guard case .success(let account) = AccountLookupReply.decode(bytes) else { return nil }
        return account.entry
    }
}
