internal import GRDB
internal import HeroModel

extension Recorder {
    /// How many revisions are kept, with their files.
    static let maxRevisions: Int64 = 200
    /// How many revisions are removed at most with each new one, so that a large backlog is removed gradually.
    private static let maxPrunedAtOnce = 20

    /// Removes old revisions, except those that a recorded service, action or active job refers to.
    ///
    /// It also removes the texts that no other revision uses, and former action specs of that time. Jobs keep the
    /// number of their revision, which is never used again.
    func pruneRevisions(after newest: RevisionNumber, in db: Database) throws {
        let oldest = newest &- Self.maxRevisions
        guard oldest > 0 else { return }
        let numbers = try Int64.fetchAll(
            try db.cachedStatement(sql: Self.selectOldRevisions),
            arguments: StatementArguments([oldest, Self.maxPrunedAtOnce] as SQLArguments)
        )
        for number in numbers {
            let texts = try Int64.fetchAll(
                try db.cachedStatement(sql: "SELECT DISTINCT text_id FROM files WHERE revision = ?"),
                arguments: [number]
            )
            for table in ["files", "manifests"] {
                try execute("DELETE FROM \(table) WHERE revision = ?", [number], in: db)
            }
            try execute("DELETE FROM revisions WHERE number = ?", [number], in: db)
            for text in texts {
                let sql = "DELETE FROM texts WHERE id = ? AND NOT EXISTS (SELECT 1 FROM files WHERE text_id = ?)"
                try execute(sql, [text, text], in: db)
            }
        }
        try execute(Self.deleteFormerSpecs, [oldest, Self.maxPrunedAtOnce], in: db)
    }

    /// Removes a run that has ended and has no job left.
    func pruneRun(_ run: RunID, in db: Database) throws {
        try self.execute(
            """
            DELETE FROM runs WHERE id = ? AND ended_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM jobs WHERE run_id = ?)
                AND NOT EXISTS (
                    SELECT 1 FROM services
                    WHERE services.context = runs.context AND services.name = runs.service_id AND run_id = runs.id
                )
            """,
            [run, run],
            in: db
        )
    }

    private static let selectOldRevisions = """
        SELECT number FROM revisions WHERE number <= ?
            AND number NOT IN (SELECT revision FROM services)
            AND number NOT IN (SELECT revision FROM standalone)
            AND number NOT IN (
                SELECT revision FROM jobs WHERE phase IN ('pending', 'waiting', 'running', 'retrying')
            )
        ORDER BY number LIMIT ?
        """
    private static let deleteFormerSpecs = """
        DELETE FROM actions WHERE id IN (
            SELECT id FROM actions AS former WHERE first_revision <= ?
                AND EXISTS (
                    SELECT 1 FROM actions AS later
                    WHERE later.context = former.context AND later.service_id IS former.service_id
                        AND later.name = former.name AND later.id > former.id
                )
                AND NOT EXISTS (
                    SELECT 1 FROM services, json_each(services.spec, '$.actions') AS entry
                    WHERE services.context = former.context AND services.name = former.service_id
                        AND entry.value = former.spec
                )
                AND NOT EXISTS (
                    SELECT 1 FROM standalone
                    WHERE former.service_id IS NULL AND standalone.context = former.context
                        AND standalone.name = former.name AND standalone.spec = former.spec
                )
            LIMIT ?
        )
        """
}
