BEGIN TRANSACTION;
CREATE TABLE ledger_entries (
	id INTEGER NOT NULL, 
	source_id TEXT NOT NULL, 
	at TEXT NOT NULL, 
	narration TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	provenance TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version TEXT, 
	cycle TEXT, 
	item_id TEXT, 
	policy TEXT, 
	given TEXT, 
	note TEXT, 
	fingerprint BLOB NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (source_id)
)
 STRICT

;
INSERT INTO "ledger_entries" VALUES(1,'opening:intents/1:CLINC150 ü','2020-01-24T12:00:00.000000+00:00','15000 labels from CLINC150 ü, seconds unknown: nöte','preparation','declared','intents','1',NULL,NULL,NULL,NULL,'nöte',X'1FEF119DC446BC4D7192B98F0BA0B1E23BECB91CF2938E74422B89C369C6ADEF');
INSERT INTO "ledger_entries" VALUES(2,'given:ls/1','2020-01-24T12:00:00.000000+00:00','labelled an item','preparation','measured','intents',NULL,'c1','item-of-ls/1','lead-time/1',NULL,NULL,X'0A857314F01AEB599D57B8DF08EE2AD247854B033819D50820049E064013288B');
INSERT INTO "ledger_entries" VALUES(3,'given:ls/2','2020-01-24T12:00:00.000000+00:00','labelled an item','preparation','measured','intents',NULL,'c1','item-of-ls/2','lead-time/1',NULL,NULL,X'D53DAD1E296EC28CB748E647AC47D4CA6D5E908F8FF986E3A183FD6C8F5ABD8A');
INSERT INTO "ledger_entries" VALUES(4,'given:ls/3','2020-01-24T12:00:00.000000+00:00','labelled an item','preparation','unknown','intents',NULL,'c1','item-of-ls/3',NULL,NULL,NULL,X'60BDF4B5DAD833DB560688E8D2F3CF5330AD8A125929FE20999884F385E88921');
INSERT INTO "ledger_entries" VALUES(5,'given:ls/4','2020-01-24T12:00:00.000000+00:00','skipped an item','preparation','measured','intents',NULL,'c1','item-of-ls/4','lead-time/1',NULL,NULL,X'52ECFC5625ABE4C9BE5537251FD052F7F5C19FE56C0A7360C2DE44BDD72BA00E');
INSERT INTO "ledger_entries" VALUES(6,'given:ls/5','2020-01-24T12:00:00.000000+00:00','labelled an item','preparation','simulated','intents',NULL,'c1','item-of-ls/5','lead-time/1',NULL,NULL,X'0980CDADC21865293A16FF5C00EC8B9FA71D253BBBDC341DF003082D65A24408');
INSERT INTO "ledger_entries" VALUES(7,'given:ls/6','2020-01-24T12:00:00.000000+00:00','labelled an item','verification','measured','intents',NULL,'c2','item-of-ls/6','lead-time/1',NULL,NULL,X'5C36095D7553FA3D9EED2A465CB2FA58DA072E2D590DE8F9657E4322B90DC33E');
INSERT INTO "ledger_entries" VALUES(8,'assigned:given:ls/1','2020-01-25T12:00:00.000000+00:00','trained on','preparation','measured','intents','2','c1','item-of-ls/1','lead-time/1','given:ls/1',NULL,X'3D24DDDF068FC13A27A608214FEE5AB8588DB346C7F7E9CD3AED43443DE55D65');
INSERT INTO "ledger_entries" VALUES(9,'assigned:given:ls/2','2020-01-25T12:00:00.000000+00:00','trained on','preparation','measured','intents','2','c1','item-of-ls/2','lead-time/1','given:ls/2',NULL,X'FE873F69E5DB801B7AE8DB288140D6E447518DF914C45BF15068DABE8A0BF95A');
INSERT INTO "ledger_entries" VALUES(10,'assigned:given:ls/3','2020-01-25T12:00:00.000000+00:00','trained on','preparation','unknown','intents','2','c1','item-of-ls/3',NULL,'given:ls/3',NULL,X'A36EC9E8D287A71F385C7562A2AD523E0BA9151B0B66093948F6D12A790F2D8B');
INSERT INTO "ledger_entries" VALUES(11,'assigned:given:ls/4','2020-01-25T12:00:00.000000+00:00','trained on','preparation','measured','intents','2','c1','item-of-ls/4','lead-time/1','given:ls/4',NULL,X'9D7FD2C2E1B704BFE960C8F3B143C3CA728832BA10E3B0EBEBB33669E1A8AB56');
INSERT INTO "ledger_entries" VALUES(12,'assigned:given:ls/5','2020-01-25T12:00:00.000000+00:00','trained on','preparation','simulated','intents','2','c1','item-of-ls/5','lead-time/1','given:ls/5',NULL,X'DAC9A96FCE80124325D02FC03C430D6967AF552707BA3E0169DC99865D2A9861');
CREATE TABLE ledger_postings (
	entry_id INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	parts INTEGER NOT NULL, 
	PRIMARY KEY (entry_id, line), 
	FOREIGN KEY(entry_id) REFERENCES ledger_entries (id)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "ledger_postings" VALUES(1,0,'declared:CLINC150 ü','labels',-15000);
INSERT INTO "ledger_postings" VALUES(1,1,'model_version:intents/1','labels',15000);
INSERT INTO "ledger_postings" VALUES(2,0,'annotator:ada','annotations',-1);
INSERT INTO "ledger_postings" VALUES(2,1,'annotator:ada','s_high',-12500);
INSERT INTO "ledger_postings" VALUES(2,2,'annotator:ada','s_low',-10000);
INSERT INTO "ledger_postings" VALUES(2,3,'pool:c1','annotations',1);
INSERT INTO "ledger_postings" VALUES(2,4,'pool:c1','s_high',12500);
INSERT INTO "ledger_postings" VALUES(2,5,'pool:c1','s_low',10000);
INSERT INTO "ledger_postings" VALUES(3,0,'annotator:ben','annotations',-1);
INSERT INTO "ledger_postings" VALUES(3,1,'annotator:ben','s_high',0);
INSERT INTO "ledger_postings" VALUES(3,2,'annotator:ben','s_low',0);
INSERT INTO "ledger_postings" VALUES(3,3,'pool:c1','annotations',1);
INSERT INTO "ledger_postings" VALUES(3,4,'pool:c1','s_high',0);
INSERT INTO "ledger_postings" VALUES(3,5,'pool:c1','s_low',0);
INSERT INTO "ledger_postings" VALUES(4,0,'annotator:ada','annotations',-1);
INSERT INTO "ledger_postings" VALUES(4,1,'pool:c1','annotations',1);
INSERT INTO "ledger_postings" VALUES(5,0,'annotator:ada','annotations',-1);
INSERT INTO "ledger_postings" VALUES(5,1,'annotator:ada','s_high',-2001);
INSERT INTO "ledger_postings" VALUES(5,2,'annotator:ada','s_low',-2001);
INSERT INTO "ledger_postings" VALUES(5,3,'pool:c1','annotations',1);
INSERT INTO "ledger_postings" VALUES(5,4,'pool:c1','s_high',2001);
INSERT INTO "ledger_postings" VALUES(5,5,'pool:c1','s_low',2001);
INSERT INTO "ledger_postings" VALUES(6,0,'simulated:annotator:robot','annotations',-1);
INSERT INTO "ledger_postings" VALUES(6,1,'simulated:annotator:robot','s_high',-12500);
INSERT INTO "ledger_postings" VALUES(6,2,'simulated:annotator:robot','s_low',-10000);
INSERT INTO "ledger_postings" VALUES(6,3,'simulated:pool:c1','annotations',1);
INSERT INTO "ledger_postings" VALUES(6,4,'simulated:pool:c1','s_high',12500);
INSERT INTO "ledger_postings" VALUES(6,5,'simulated:pool:c1','s_low',10000);
INSERT INTO "ledger_postings" VALUES(7,0,'annotator:ada','annotations',-1);
INSERT INTO "ledger_postings" VALUES(7,1,'annotator:ada','s_high',-12500);
INSERT INTO "ledger_postings" VALUES(7,2,'annotator:ada','s_low',-10000);
INSERT INTO "ledger_postings" VALUES(7,3,'pool:c2','annotations',1);
INSERT INTO "ledger_postings" VALUES(7,4,'pool:c2','s_high',12500);
INSERT INTO "ledger_postings" VALUES(7,5,'pool:c2','s_low',10000);
INSERT INTO "ledger_postings" VALUES(8,0,'model_version:intents/2','annotations',1);
INSERT INTO "ledger_postings" VALUES(8,1,'model_version:intents/2','s_high',12500);
INSERT INTO "ledger_postings" VALUES(8,2,'model_version:intents/2','s_low',10000);
INSERT INTO "ledger_postings" VALUES(8,3,'pool:c1','annotations',-1);
INSERT INTO "ledger_postings" VALUES(8,4,'pool:c1','s_high',-12500);
INSERT INTO "ledger_postings" VALUES(8,5,'pool:c1','s_low',-10000);
INSERT INTO "ledger_postings" VALUES(9,0,'model_version:intents/2','annotations',1);
INSERT INTO "ledger_postings" VALUES(9,1,'model_version:intents/2','s_high',0);
INSERT INTO "ledger_postings" VALUES(9,2,'model_version:intents/2','s_low',0);
INSERT INTO "ledger_postings" VALUES(9,3,'pool:c1','annotations',-1);
INSERT INTO "ledger_postings" VALUES(9,4,'pool:c1','s_high',0);
INSERT INTO "ledger_postings" VALUES(9,5,'pool:c1','s_low',0);
INSERT INTO "ledger_postings" VALUES(10,0,'model_version:intents/2','annotations',1);
INSERT INTO "ledger_postings" VALUES(10,1,'pool:c1','annotations',-1);
INSERT INTO "ledger_postings" VALUES(11,0,'pool:c1','annotations',-1);
INSERT INTO "ledger_postings" VALUES(11,1,'pool:c1','s_high',-2001);
INSERT INTO "ledger_postings" VALUES(11,2,'pool:c1','s_low',-2001);
INSERT INTO "ledger_postings" VALUES(11,3,'unused:skipped','annotations',1);
INSERT INTO "ledger_postings" VALUES(11,4,'unused:skipped','s_high',2001);
INSERT INTO "ledger_postings" VALUES(11,5,'unused:skipped','s_low',2001);
INSERT INTO "ledger_postings" VALUES(12,0,'simulated:model_version:intents/2','annotations',1);
INSERT INTO "ledger_postings" VALUES(12,1,'simulated:model_version:intents/2','s_high',12500);
INSERT INTO "ledger_postings" VALUES(12,2,'simulated:model_version:intents/2','s_low',10000);
INSERT INTO "ledger_postings" VALUES(12,3,'simulated:pool:c1','annotations',-1);
INSERT INTO "ledger_postings" VALUES(12,4,'simulated:pool:c1','s_high',-12500);
INSERT INTO "ledger_postings" VALUES(12,5,'simulated:pool:c1','s_low',-10000);
CREATE TABLE ledger_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
)
 STRICT

;
INSERT INTO "ledger_schema" VALUES(1);
CREATE TRIGGER ledger_schema_guards_update BEFORE UPDATE ON ledger_schema BEGIN SELECT RAISE(ABORT, 'ledger_schema is append-only'); END;
CREATE TRIGGER ledger_schema_guards_delete BEFORE DELETE ON ledger_schema BEGIN SELECT RAISE(ABORT, 'ledger_schema is append-only'); END;
CREATE TRIGGER ledger_schema_guards_insert BEFORE INSERT ON ledger_schema WHEN EXISTS (SELECT 1 FROM ledger_schema WHERE version = NEW.version) BEGIN SELECT RAISE(ABORT, 'ledger_schema is append-only'); END;
CREATE INDEX ledger_entries_by_version ON ledger_entries (model, version);
CREATE INDEX ledger_entries_by_given ON ledger_entries (given);
CREATE INDEX ledger_entries_by_cycle ON ledger_entries (cycle);
CREATE TRIGGER ledger_entries_guards_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
CREATE TRIGGER ledger_entries_guards_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
CREATE TRIGGER ledger_entries_guards_insert BEFORE INSERT ON ledger_entries WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.id OR source_id = NEW.source_id) BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
CREATE INDEX ledger_postings_by_account ON ledger_postings (account, unit);
CREATE TRIGGER ledger_postings_guards_update BEFORE UPDATE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_postings_guards_delete BEFORE DELETE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_postings_guards_insert BEFORE INSERT ON ledger_postings WHEN EXISTS (SELECT 1 FROM ledger_postings WHERE entry_id = NEW.entry_id AND line = NEW.line) BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
COMMIT;
