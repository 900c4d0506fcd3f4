import { overload } from './overload.ts';

overload({ senders: 24, messagesPerSender: 4 });
