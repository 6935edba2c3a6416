import HeroLinux
import HeroReconciler
import HeroStore

extension Workspace {
    /// Rebuilds a damaged database, or one that was removed while a reconciler uses it, before a command that needs one (DB-5).
    ///
    /// The running reconciler receives a request to check the database. If none is running, a reconciler in this
    /// process repairs the database and exits. The command itself reports any other error of the database.
    func repairDatabaseIfDamaged(_ output: Output) throws {
        do {
            _ = try openReader()?.revision()
            return
        } catch let error as StoreError where error.kind == .damaged || error.kind == .gone {
            output.writeNote(error.message)
        }
        let connector = ReconcilerConnector(workspace: self, output: output)
        if let client = try connector.connect() {
            let request = ControlRequest(.examine, directory: directory, actor: actor)
            try client.send(Array(ControlCoding.line(request).dropLast()))
            _ = client.nextLine(timeout: .seconds(30))
            return
        }
        let configuration = ReconcilerConfiguration(mode: .keep, directory: nil, actor: actor)
        try InProcessReconciler(workspace: self, mode: .once).withReconciler(configuration) { reconciler in
            let log = EventLog(output)
            reconciler.log = log.record
            _ = reconciler.commitTurn()
        }
    }
}
